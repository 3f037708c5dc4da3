// What the bodies of `tasks` definitions get while one task is elaborated, besides random numbers: the memory of each,
// and tasks of other sources. Those of data sets come from the host, which has to know beforehand which arrays to
// bring. So a body is elaborated once only to see what it asks for.
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

  // The memory of one source by itself. Failure if it was given none.
  void remember(const Source& source, Value memory) { memory_.emplace_back(&source, std::move(memory)); }
  const Value& memory_of(Elaborator&, const Source&, Span) const;

  // Keeps what a source with `on step` bound. Failure if it was drawn before, inside of rows, or inside of a choice:
  // the loss of the task would not be that of its own.
  void bind(Elaborator&, const Source&, Value names, Span);
  const Bound& bound() const { return bound_; }

  // Draws in its life are alternatives, of which a tensor takes one.
  class Alternatives {
   public:
    explicit Alternatives(TaskDraws& draws) : draws_(draws) { ++draws_.alternatives_; }
    ~Alternatives() { --draws_.alternatives_; }
    Alternatives(const Alternatives&) = delete;

   private:
    TaskDraws& draws_;
  };

 private:
  bool seeing_ = true;
  std::span<const HostDraw> expected_;
  std::span<const Tensor> arrays_;  // those not yet given
  std::vector<HostDraw> asked_;
  std::vector<std::pair<const Source*, Value>> memory_;
  Bound bound_;
  int alternatives_ = 0;
};

}  // namespace metac::dsl
