// A plan as a function that any number of threads may call: every call borrows an Executable.
#include <mutex>

#include "plan/program.hpp"

namespace metac {

struct Function::Shared {
  Shared(std::shared_ptr<const Plan> given, int threads_of_a_call)
      : plan(std::move(given)), threads(threads_of_a_call) {
    give_back(make());
  }

  std::unique_ptr<Executable> borrow() {
    const std::lock_guard lock(mutex);
    if (free.empty()) return nullptr;
    auto executable = std::move(free.back());
    free.pop_back();
    return executable;
  }

  std::unique_ptr<Executable> make() {
    auto executable = std::make_unique<Executable>(plan, threads);
    const std::lock_guard lock(mutex);
    free.reserve(++made);  // so that giving back never fails
    return executable;
  }

  void give_back(std::unique_ptr<Executable> executable) {
    const std::lock_guard lock(mutex);
    free.push_back(std::move(executable));
  }

  const std::shared_ptr<const Plan> plan;
  const int threads;
  std::mutex mutex;
  std::vector<std::unique_ptr<Executable>> free;
  std::size_t made = 0;
};

Function::Function(std::shared_ptr<const Plan> plan, int threads)
    : shared_(std::make_shared<Shared>(std::move(plan), threads)) {}

void Function::operator()(std::span<const ArrayView> inputs, std::span<const MutableArrayView> outputs) const {
  struct Borrowed {
    Shared& shared;
    std::unique_ptr<Executable> executable;
    ~Borrowed() { shared.give_back(std::move(executable)); }
  };
  auto executable = shared_->borrow();
  if (executable == nullptr) executable = shared_->make();
  const Borrowed borrowed{*shared_, std::move(executable)};
  borrowed.executable->run(inputs, outputs);
}

void Function::operator()(std::initializer_list<ArrayView> inputs,
                          std::initializer_list<MutableArrayView> outputs) const {
  (*this)(std::span(inputs.begin(), inputs.size()), std::span(outputs.begin(), outputs.size()));
}

std::vector<Array> Function::operator()(std::span<const ArrayView> inputs) const {
  std::vector<Array> results(output_types().begin(), output_types().end());
  const std::vector<MutableArrayView> outputs(results.begin(), results.end());
  (*this)(inputs, outputs);
  return results;
}

std::vector<Array> Function::operator()(std::initializer_list<ArrayView> inputs) const {
  return (*this)(std::span(inputs.begin(), inputs.size()));
}

std::vector<Array> Function::operator()(std::span<const Array> inputs) const {
  return (*this)(std::vector<ArrayView>(inputs.begin(), inputs.end()));
}

const std::vector<Type>& Function::input_types() const { return shared_->plan->inputs; }
const std::vector<Type>& Function::output_types() const { return shared_->plan->outputs; }
const Plan& Function::plan() const { return *shared_->plan; }

Function compile(TensorList inputs, TensorList outputs, int threads) {
  return Function(make_plan(finalize(inputs, outputs)), threads);
}

}  // namespace metac
