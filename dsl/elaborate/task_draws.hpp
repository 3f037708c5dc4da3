// What the body of a `tasks` definition gets while one task is elaborated, besides random numbers: tasks of other
// sources. Those of data sets come from the host, which has to know beforehand which arrays to bring. So a body is
// elaborated once only to see what it asks for.
#pragma once

#include <span>
#include <vector>

#include "elaborate/elaborator.hpp"
#include "elaborate/source.hpp"

namespace metac::dsl {

// A place in a body that asks for the arrays of a source.
struct HostDraw {
  SourcePtr source;
  std::uint64_t path = 0;  // of the draw: gives it a key of its own
  std::int64_t rows = 0;   // so many tasks along a first axis, for a draw inside of rows; 0: one task
};

class TaskDraws {
 public:
  // Only to see: what is asked for becomes inputs of the graph at hand, in the usual form of each source.
  TaskDraws() = default;
  // To build: the arrays of these draws, one behind the other.
  TaskDraws(std::span<const HostDraw> expected, std::span<const Tensor> arrays)
      : seeing_(false), expected_(expected), arrays_(arrays) {}

  // The arrays of one task of `source`, for a draw that stands here. Failure if another draw was expected.
  std::vector<Tensor> arrays(Elaborator&, const SourcePtr& source, Span);
  // Failure if more draws were expected.
  void finish(Elaborator&, Span) const;

  const std::vector<HostDraw>& asked() const { return asked_; }

 private:
  bool seeing_ = true;
  std::span<const HostDraw> expected_;
  std::span<const Tensor> arrays_;  // those not yet given
  std::vector<HostDraw> asked_;
};

}  // namespace metac::dsl
