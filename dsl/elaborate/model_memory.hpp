// Listening to what models assign to their memory: in `observe`, in a training step, and in the rows of a `map`.
#pragma once

#include <map>
#include <vector>

#include "elaborate/elaborator.hpp"

namespace metac::dsl {

// What was heard of one memory: the value that a call assigned, or the mean of several calls.
struct Heard {
  Tensor value;
  std::int64_t calls = 1;
};
using HeardByPlace = std::map<int, Heard>;  // by Carried::place

// All that was heard, as values of one graph.
class MemoryLog {
 public:
  void add(int place, const Heard& heard) { heard_[place].push_back(heard); }
  HeardByPlace means() const;  // over the calls

 private:
  std::map<int, std::vector<Heard>> heard_;
};

// Writes into this log for a while; null: nobody listens.
class Listening {
 public:
  Listening(Context& context, MemoryLog* log, bool observing)
      : context_(context), log_(context.log), observing_(context.observing) {
    context.log = log;
    context.observing = observing;
  }
  ~Listening() {
    context_.log = log_;
    context_.observing = observing_;
  }
  Listening(const Listening&) = delete;

 private:
  Context& context_;
  MemoryLog* log_;
  bool observing_;
};

// Listens in the graph of one row, if somebody listens around it.
class ListeningInRow {
 public:
  explicit ListeningInRow(Context& context)
      : outer_(context.log), listening_(context, outer_ != nullptr ? &inner_ : nullptr, context.observing) {}
  HeardByPlace heard() const { return inner_.means(); }
  // Tells it outside, where `values` are the means over so many rows of what was heard in one, in its order.
  void tell(const std::vector<Tensor>& values, std::int64_t rows) const;

 private:
  MemoryLog inner_;
  MemoryLog* outer_;
  Listening listening_;
};

// What is learned, with its memory numbered for a step that listens; what is frozen in it is held.
Value listened(const Value& learned);
// A tree of the same form with the memory that was heard of.
Value with_memory(const Value& tree, const HeardByPlace&);

}  // namespace metac::dsl
