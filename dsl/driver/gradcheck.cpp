// Runs the programs of the check at the places that the comparison asks for.
#include "driver/gradcheck.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "driver/gradcheck_training.hpp"
#include "elaborate/derivative_check.hpp"
#include "elaborate/source.hpp"

namespace metac::dsl {
namespace {

using Vector = std::vector<double>;

constexpr double beside = 0.0137;           // another place on a line, where no zero of an initialiser makes a kink
constexpr double middle_of_training = 0.5;  // what `progress` is: schedules are often 0 at the beginning or the end

Vector flat(std::span<const Array> arrays) {
  Vector result;
  for (const Array& array : arrays) result.insert(result.end(), array.as<double>().begin(), array.as<double>().end());
  return result;
}

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
double cosine(const Vector& a, const Vector& b) { return dot(a, b) / std::sqrt(dot(a, a) * dot(b, b)); }

void add(Vector& sum, const Vector& v) {
  sum.resize(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) sum[i] += v[i];
}

// One program on one item: the values and derivatives along one line at a time.
class OnLine {
 public:
  OnLine(const Machine& machine, const LineProgram& program, Executable& executable, const std::vector<Array>& item)
      : machine_(machine), variables_(program.variables.size()), executable_(executable), inputs_(item) {
    place_ = inputs_.size();
    const auto& types = executable.input_types();
    for (std::size_t i = place_; i < types.size(); ++i) inputs_.emplace_back(types[i]);
  }

  // `shares`: the norm of the direction in each variable.
  void choose(int number, const Vector& shares) {
    inputs_[place_] = Array::scalar<std::int32_t>(number);
    std::copy(shares.begin(), shares.end(), inputs_[place_ + 1].as<double>().begin());
    known_.clear();
  }
  // Where several kinks lie at one point, their sum says little: there is no derivative if it is right beside them.
  Difference compare(int order, double tolerance) {
    Difference found = compare_at(0, order, tolerance);
    if (found.agreement == Agreement::wrong && !found.smooth &&
        compare_at(beside, order, tolerance).agreement == Agreement::right)
      found.agreement = Agreement::kink;
    return found;
  }

 private:
  struct Values {
    double value = 0, slope = 0;
    std::vector<Vector> orders;
  };
  Difference compare_at(double middle, int order, double tolerance) {
    const auto below = [&](double t) {
      const Values& values = at(middle + t);
      return order == 1 ? Vector{values.value} : values.orders[static_cast<std::size_t>(order - 2)];
    };
    const Values& exact = at(middle);
    return compare_with_differences(
        below, order == 1 ? Vector{exact.slope} : exact.orders[static_cast<std::size_t>(order - 1)], tolerance);
  }
  const Values& at(double t) {
    if (const auto found = known_.find(t); found != known_.end()) return found->second;
    machine_.stop_if_asked();
    inputs_[place_ + 2] = Array::scalar<double>(t);
    const auto outputs = executable_.run(inputs_);
    Values values{outputs[0].at(0), outputs[1].at(0), {}};
    for (std::size_t i = 2; i < outputs.size(); i += variables_)
      values.orders.push_back(flat(std::span(outputs).subspan(i, variables_)));
    return known_[t] = std::move(values);
  }

  const Machine& machine_;
  std::size_t variables_, place_ = 0;
  Executable& executable_;
  std::vector<Array> inputs_;
  std::map<double, Values> known_;
};

// What a training differentiates on items of one form.
struct Programs {
  struct OfLine {
    LineProgram line;
    Executable executable;
    std::unique_ptr<Executable> held;
  };
  std::vector<OfLine> lines;
  std::optional<DirectionsProgram> directions;
  std::unique_ptr<Executable> executable;  // of the directions

  Programs(const Machine& machine, const TrainPlan& plan, const Value& state, const Form& form, int orders) {
    const Learner& learner = *plan.learner;
    for (auto& line : line_programs(machine.self, learner, state, *plan.source, form, orders, plan.span)) {
      lines.push_back({line, machine.executable(line.procedure), nullptr});
      if (line.held) lines.back().held = std::make_unique<Executable>(machine.executable(*line.held));
    }
    directions = directions_program(machine.self, learner, state, *plan.source, form, plan.span);
    if (directions) executable = std::make_unique<Executable>(machine.executable(directions->procedure));
  }
};

int severity(Agreement agreement) {
  switch (agreement) {
    case Agreement::kink:
      return 0;
    case Agreement::right:
      return 1;
    case Agreement::lost:
      return 2;
    case Agreement::stopped:
      return 3;
    case Agreement::untold:
      return 4;
    case Agreement::not_finite:
      return 5;
    case Agreement::wrong:
      return 6;
  }
  return 6;
}

void merge(CheckedDerivative& into, const Difference& found) {
  ++into.compared;
  if (found.agreement == Agreement::kink) ++into.kinks;
  if (severity(found.agreement) < severity(into.agreement)) return;
  if (found.agreement != into.agreement) into.difference = 0;
  into.agreement = found.agreement;
  into.difference = std::max(into.difference, found.relative);
}

void merge(CheckedDerivative& into, const CheckedDerivative& other) {
  const int compared = into.compared + other.compared, kinks = into.kinks + other.kinks;
  const double both = std::max(into.difference, other.difference);
  if (severity(other.agreement) > severity(into.agreement)) {
    into = other;
  } else if (other.agreement == into.agreement) {
    into.difference = both;
  }
  into.compared = compared, into.kinks = kinks;
}

// The check of one training.
class Looking {
 public:
  Looking(const Machine& machine, const TrainPlan& plan, const TrainState& state, const GradcheckOptions& options)
      : machine_(machine), plan_(plan), state_(state), options_(options) {
    found.learner = plan.learner->name();
    found.source = plan.source->describe();
    found.made = plan.learner->span;
    found.trained = plan.span;
    found.of_tasks = plan.source->gives_tasks();
    for (const auto& leaf : leaves(seen(learned(*plan.learner, state.learner))))
      found.numbers += leaf.value.get<Array>()->elements();
  }

  void run() {
    for (int item = 0; item < options_.tasks; ++item) look_at(item);
    found.items = options_.tasks;
    const auto of = [&](const std::string& a, const std::string& b) -> std::optional<double> {
      if (!sums_.contains(a) || !sums_.contains(b)) return std::nullopt;
      return cosine(sums_.at(a), sums_.at(b));
    };
    found.first_order = of("whole", "first_order");
    found.direction = of("written", "direction");
    constexpr double rounding = 1e-12;  // what a cross entropy stops changes nothing
    if (const auto stopped = of("written", "whole"); stopped && stops_ && !(*stopped > 1 - rounding))
      found.stopped = stopped;
  }

  CheckedLearner found;

 private:
  void look_at(int item) {
    const data::Key key = for_purpose(state_.key, Purpose::measuring);
    const bool tasks = plan_.source->gives_tasks();
    std::vector<Array> arrays;
    Form form;
    for (const auto& array : plan_.source->draw(key, item, tasks ? 1 : plan_.batch)) {
      arrays.push_back(tasks ? array.row(0) : array);
      form.push_back(arrays.back().type());
    }
    const auto inputs =
        machine_.inputs({state_.learner}, step_key(key, item), state_.step, middle_of_training, std::move(arrays));
    Programs& programs = programs_of(form);
    std::size_t row = 0;
    for (auto& program : programs.lines) look_along(program, inputs, row);
    if (programs.directions) add_directions(programs, inputs);
  }

  Programs& programs_of(const Form& form) {
    for (auto& [known, programs] : programs_)
      if (known == form) return *programs;
    programs_.emplace_back(form, std::make_unique<Programs>(machine_, plan_, state_.learner, form, options_.order));
    return *programs_.back().second;
  }

  void look_along(Programs::OfLine& program, const std::vector<Array>& inputs, std::size_t& row) {
    const LineProgram& line = program.line;
    OnLine as_written(machine_, line, program.executable, inputs);
    std::optional<OnLine> held;
    if (program.held) held.emplace(machine_, line, *program.held, inputs);
    const std::size_t first = row, variables = line.variables.size();
    row += static_cast<std::size_t>(options_.order);
    if (found.derivatives.size() < row)
      for (int order = 1; order <= options_.order; ++order)
        found.derivatives.push_back({line.what, line.span, order, Agreement::kink, 0, 0, 0, line.stop, {}});
    const auto choose = [&](int number, const Vector& shares) {
      as_written.choose(number, shares);
      if (held) held->choose(number, shares);
    };
    for (int number = 0; number < options_.directions; ++number) {
      choose(number, Vector(variables, 1 / std::sqrt(static_cast<double>(variables))));
      for (int order = 1; order <= options_.order; ++order)
        merge(found.derivatives[first + static_cast<std::size_t>(order - 1)], compared(line, as_written, held, order));
    }
    CheckedDerivative& gradient = found.derivatives[first];
    if (gradient.agreement != Agreement::wrong || !gradient.variables.empty()) return;
    for (std::size_t i = 0; i < variables; ++i) {
      Vector shares(variables, 0);
      shares[i] = 1;
      choose(0, shares);
      if (compared(line, as_written, held, 1).agreement == Agreement::wrong)
        gradient.variables.push_back(line.variables[i]);
    }
  }

  Difference compared(const LineProgram& line, OnLine& as_written, std::optional<OnLine>& held, int order) const {
    Difference difference = as_written.compare(order, options_.tolerance);
    if (difference.agreement == Agreement::right) return difference;
    if (held) {
      Difference other = held->compare(order, options_.tolerance);
      if (other.agreement == Agreement::right) return {other.relative, Agreement::stopped};
    }
    if (line.stops_in_loop && difference.agreement == Agreement::wrong) difference.agreement = Agreement::untold;
    return difference;
  }

  void add_directions(Programs& programs, const std::vector<Array>& inputs) {
    const DirectionsProgram& program = *programs.directions;
    const auto outputs = programs.executable->run(inputs);
    std::size_t next = 0;
    const auto add_next = [&](const char* name) {
      add(sums_[name], flat(std::span(outputs).subspan(next, program.leaves)));
      next += program.leaves;
    };
    add_next("written");
    if (program.first_order) add_next("first_order");
    if (program.whole) add_next("whole");
    if (program.direction) add_next("direction");
    stops_ |= program.stops;
  }

  const Machine& machine_;
  const TrainPlan& plan_;
  const TrainState& state_;
  const GradcheckOptions& options_;
  std::vector<std::pair<Form, std::unique_ptr<Programs>>> programs_;
  std::map<std::string, Vector> sums_;  // of directions, by which one
  bool stops_ = false;
};

bool is_same(const CheckedLearner& a, const CheckedLearner& b) {
  return a.learner == b.learner && a.made == b.made && a.trained == b.trained && a.numbers == b.numbers &&
         a.derivatives.size() == b.derivatives.size();
}

}  // namespace

bool is_mistake(const CheckedDerivative& derivative, bool strict) {
  switch (derivative.agreement) {
    case Agreement::wrong:
    case Agreement::not_finite:
      return true;
    case Agreement::stopped:
    case Agreement::untold:
      return strict;
    default:
      return false;
  }
}

TrainPlan Gradcheck::shortened(const TrainPlan& plan) const {
  TrainPlan result = plan;
  result.iterations = std::min<std::int64_t>(plan.iterations, options_.steps);
  if (plan.source->gives_tasks()) result.batch = std::min<std::int64_t>(plan.batch, options_.tasks);
  result.validation.reset();
  result.select.clear();
  result.select_best = false;
  return result;
}

void Gradcheck::look(const Machine& machine, const TrainPlan& plan, const TrainState& state) {
  Looking looking(machine, plan, state, options_);
  looking.run();
  for (auto& known : found_) {
    if (!is_same(known, looking.found)) continue;
    for (std::size_t i = 0; i < known.derivatives.size(); ++i)
      merge(known.derivatives[i], looking.found.derivatives[i]);
    known.items += looking.found.items;
    known.sources += known.source != looking.found.source;
    return;
  }
  found_.push_back(std::move(looking.found));
}

}  // namespace metac::dsl
