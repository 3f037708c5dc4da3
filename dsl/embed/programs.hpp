// Compiled programs, kept by what they were made for.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "embed/program.hpp"
#include "plan/plan.hpp"

namespace metac::dsl {

struct Compiled {
  Function function;
  Value result;  // as of OutsideProgram

  // The result for these inputs.
  Value run(std::span<const Array> inputs) const;
};

// Any thread may ask at any time. Programs are made one at a time, so what makes them may use one Elaborator.
class Programs {
 public:
  std::shared_ptr<const Compiled> get(const std::string& key, int threads, const std::function<OutsideProgram()>& make);

 private:
  // Of the numbers that a caller may vary, every one is a program: so the one not asked for longest gives way.
  static constexpr std::size_t most = 64;

  std::shared_ptr<const Compiled> find(const std::string& key);

  std::mutex looking_, making_;
  std::list<std::pair<std::string, std::shared_ptr<const Compiled>>> known_;  // the last one used first
};

// A text that differs wherever the program for these arguments does: types of arrays, everything else by value.
std::string form_of(const Value&);

}  // namespace metac::dsl
