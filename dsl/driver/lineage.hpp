// What learners have seen, and that it stays apart from what they are measured on.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "driver/driver.hpp"
#include "elaborate/elaborator.hpp"

namespace metac::dsl {

// The data that a source draws from, as seen where the script names it.
std::vector<Exposure> exposures_of(Elaborator&, const Source&, bool in_validation, Span);

// Failure where classes (of tasks) or rows that are measured on were trained on or validated on before.
using OverlapOf = std::function<data::Overlap(const data::Dataset&, const Exposure& seen)>;
data::Overlap overlap(const data::Dataset&, const Exposure& seen);
void refuse_overlap(Elaborator&, const std::string& learner, const std::vector<Exposure>& seen,
                    const std::vector<Exposure>& measured, const OverlapOf& = overlap);

// Failure where `predict` is told, by `with`, which task of a stream its examples are of, though the scenario says that
// it must find out itself. `on`: a task, or a whole stream.
void refuse_task_identity(Elaborator&, const Value& on, const std::optional<Value>& with, Span with_span,
                          const WorkExpr&);

// Appends those that are not there yet: of other data, or seen in another way.
void add_new(std::vector<Exposure>& seen, const std::vector<Exposure>& more);

// What `overlap` says: true for "intended". Failure for anything else.
bool overlap_is_intended(Elaborator&, const std::optional<Value>& overlap, Span);

// The exposures of one experiment: a learner's own, those of the learners that it was made from, of trees that were
// taken out of them, and of what its functions take from around them.
class Exposures {
 public:
  explicit Exposures(Elaborator& self) : self_(self) {}
  void remember(const Learner&);  // one that was trained or loaded
  std::vector<Exposure> of(const Learner&);
  // What two sets have in common. Along a stream the same ones meet again and again: it is computed once.
  data::Overlap overlap(const data::Dataset&, const Exposure& seen);
  // Copies of what was seen among what is measured on, by checksum. Of what only a file tells there are none.
  std::vector<Duplicates> duplicates(const std::vector<Exposure>& seen, const std::vector<Exposure>& measured);

 private:
  using Seen = std::shared_ptr<const std::vector<Exposure>>;  // one for all arrays of a learner
  struct Known {
    std::weak_ptr<std::byte> memory;  // of an array that was learned; another may lie there later
    Seen seen;
  };
  class Walk;
  Seen of(const Array&) const;  // null: nothing is known
  const std::set<std::string>& free_names(const std::vector<Parameter>&, const Body&);

  struct Pair {
    data::Dataset first, second;
    std::optional<data::Overlap> common;
    std::optional<std::int64_t> copies;
  };
  Pair& pair(const data::Dataset&, const data::Dataset&);

  Elaborator& self_;
  std::map<const void*, Known> arrays_;
  std::size_t most_arrays_ = 64;  // then those that are gone are left out
  // Of bodies, by where they lie; they are kept, so that no other comes to lie there.
  std::map<const void*, std::pair<Body, std::set<std::string>>> free_names_;
  std::map<std::pair<const void*, const void*>, Pair> pairs_;
};

}  // namespace metac::dsl
