// Judges the flow of an objective.
#include "elaborate/flow_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "elaborate/learning.hpp"

namespace metac::dsl {
namespace {

// The objective of a learner and of those that it wraps.
std::vector<const Definition*> objectives(const Learner& learner) {
  std::vector<const Definition*> found;
  for (const Learner* each = &learner; each != nullptr; each = each->base())
    if (const Definition* objective = function_of(*each, "objective");
        objective != nullptr && std::find(found.begin(), found.end(), objective) == found.end())
      found.push_back(objective);
  return found;
}

bool is_stop(const Flow::End& end) { return end.op == "stop_gradient"; }

struct Judge {
  Elaborator& self;
  const Learner& learner;
  const Elaborated& objective;
  const Flow& flow;
  Span place;

  std::vector<NodeId> ids(const std::vector<Tensor>& tensors) const {
    std::vector<NodeId> result;
    for (const Tensor& tensor : tensors) result.push_back(tensor.id());
    return result;
  }
  std::vector<Label> at(std::int32_t node_place, const std::string& text) const {
    const auto& places = self.places();
    if (node_place < 0 || static_cast<std::size_t>(node_place) >= places.size()) return {};
    return {{places[static_cast<std::size_t>(node_place)], text}};
  }
  // Why nothing arrives at the variables from a value.
  std::vector<Label> reason(const std::vector<Tensor>& variables, Tensor value) const {
    if (&value.graph() != &objective.loss.graph()) return {};
    if (const auto ends = flow.ends(ids(variables), value); !ends.empty()) {
      // What the script says itself comes first; else the one that is nearest to the value.
      const auto said = std::find_if(ends.begin(), ends.end(), is_stop);
      const Flow::End& end = said != ends.end() ? *said : ends.back();
      return at(end.place, fmt::format("derivatives end here, at `{}`", end.op));
    }
    return at(Flow::place_of_difference(value), "both sides of this are the same");
  }

  // ---- what is learned ----

  void learned(const Learner& owner, const std::string& prefix, const Value& tree, const std::vector<Tensor>& gradients,
               std::size_t& next) const {
    for (const auto& [name, part] : tree.record()->fields) {
      if (name == "base" && owner.base() != nullptr) {
        learned(*owner.base(), prefix + "base.", part, gradients, next);
        continue;
      }
      const std::size_t count = leaves(seen(part)).size(), first = next;
      next += count;
      const std::vector<Tensor> own(gradients.begin() + static_cast<std::ptrdiff_t>(first),
                                    gradients.begin() + static_cast<std::ptrdiff_t>(next));
      if (count == 0 || !Flow::is_zero(own)) continue;  // without leaves all of it is frozen
      const std::vector<Tensor> variables(objective.variables.begin() + static_cast<std::ptrdiff_t>(first),
                                          objective.variables.begin() + static_cast<std::ptrdiff_t>(next));
      const bool arrives = std::any_of(own.begin(), own.end(), [](const Tensor& g) { return static_cast<bool>(g); });
      auto labels = reason(variables, objective.loss);
      self.fail(
          "E0410", place,
          fmt::format("nothing that `{}` learns in `{}{}` changes its objective: {}", learner.name(), prefix, name,
                      arrives ? "the derivative is 0 whatever the numbers are" : "no derivative reaches it"),
          "",
          labels.empty() ? fmt::format("use `{}` in the objective, or bind it with `let`", name)
                         : fmt::format("let a derivative go on to `{}`, or bind it with `let`", name),
          labels);
    }
  }

  // ---- terms ----

  void terms() const {
    for (const auto& [span, value] : objective.log.watched()) {
      const Tensor* term = value.get<Tensor>();
      if (term == nullptr || term->shape().rank() != 0) continue;  // a number is a constant that is meant
      const Graph &own = term->graph(), &all = objective.loss.graph();
      if (&own != &all && own.depth() >= all.depth()) continue;  // of a body that is closed
      std::vector<Tensor> gradients;
      if (is_float(term->dtype()))
        gradients = vjp(*term, full(term->graph(), {}, 1, term->dtype()), objective.variables);
      const bool arrives =
          std::any_of(gradients.begin(), gradients.end(), [](const Tensor& g) { return static_cast<bool>(g); });
      if (!Flow::is_zero(gradients)) continue;
      auto labels = at(Flow::place_of_difference(*term), "both sides of this are the same");
      const bool same = arrives || !labels.empty();
      if (labels.empty()) labels = reason(objective.variables, *term);
      self.fail(same ? "E0486" : "E0485", span,
                same ? "this term of the objective has the derivative 0, whatever the numbers are"
                     : "this term of the objective has no derivative: nothing that is learned reaches it",
                "",
                same ? "what is remembered for later is a `memory`, which `on end` or `on step` sets"
                     : "if it only stands for its value, say so: `stop_gradient(..)`",
                labels);
    }
  }

  // ---- derivatives inside ----

  static std::vector<Tensor> tensors_in(const Value* tree, const Graph& graph) {
    std::vector<Tensor> found;
    if (tree != nullptr)
      for (const auto& leaf : leaves(*tree))
        if (const Tensor* t = leaf.value.get<Tensor>(); t != nullptr && &t->graph() == &graph) found.push_back(*t);
    return found;
  }

  // What adapts what is learned must not see the labels that the objective asks for.
  void query_labels(const Value& item) const {
    const auto field = [](const Value* value, const char* name) {
      return value != nullptr && value->record() != nullptr ? value->record()->find(name) : nullptr;
    };
    const Value* y = field(field(&item, "query"), "y");
    const Tensor* labels = y != nullptr ? y->get<Tensor>() : nullptr;
    if (labels == nullptr || &labels->graph() != &objective.loss.graph() || objective.log.derivatives.empty()) return;
    // Labels that the support has, too, such as 0, 1, 2 in every task, say nothing of the query.
    const auto support = ids(tensors_in(field(&item, "support"), objective.loss.graph()));
    if (const auto known = needed_by(objective.loss.graph(), support);
        labels->id() < known.size() && known[labels->id()])
      return;
    const NodeId query[] = {labels->id()};
    const auto seen = flow.made_of(query), learned = flow.made_of(ids(objective.variables));
    const auto any = [](const std::vector<char>& marks, const std::vector<NodeId>& nodes) {
      return std::any_of(nodes.begin(), nodes.end(), [&](NodeId id) { return marks[id]; });
    };
    const auto refuse = [&](Span span) {
      self.fail("E0489", span,
                "the labels of the query reach the derivative that is taken here: what is adapted has seen what it is "
                "measured on",
                "", "adapt to `task.support`; where it is meant, say `overlap: \"intended\"` in `train`",
                {{place, "the objective asks for the same labels"}});
    };
    for (const auto& one : objective.log.derivatives)
      if (one.graph == &objective.loss.graph() && seen[one.value] && any(learned, one.variables)) refuse(one.span);
    for (const auto& one : objective.log.inner)
      if (one.graph == &objective.loss.graph() && any(seen, one.values) && any(learned, one.variables))
        refuse(objective.log.derivatives[one.derivative].span);
  }

  [[noreturn]] void refuse_constant(Span derivative) const {
    self.fail("E0490", derivative,
              "the derivative that is taken here is 0: nothing in its block depends on its variable", "",
              "only what is computed inside the block counts: what was computed before it is constant");
  }

  // Of each place all that it gave: in a loop the last turn may be of no use.
  void inner_derivatives() const {
    for (const auto& one : objective.log.inner)
      if (one.graph == &objective.loss.graph() && !one.depends)
        refuse_constant(objective.log.derivatives[one.derivative].span);
    std::vector<Span> looked_at;
    for (const auto& one : objective.log.derivatives) {
      if (std::find(looked_at.begin(), looked_at.end(), one.span) != looked_at.end()) continue;
      looked_at.push_back(one.span);
      if (one.graph == &objective.loss.graph() && !flow.made_of(one.variables)[one.value]) refuse_constant(one.span);
      std::vector<NodeId> results;
      bool here = true;
      for (const auto& other : objective.log.derivatives) {
        if (!(other.span == one.span)) continue;
        here &= other.graph == &objective.loss.graph();
        results.insert(results.end(), other.results.begin(), other.results.end());
      }
      if (!here) continue;  // in a region of its own
      if (!flow.uses(results))
        self.fail(
            "E0487", one.span,
            fmt::format("the objective of `{}` does not depend on the derivative that is taken here", learner.name()),
            "", "use what it updates: `loss(net(adapt(task.support), task.query.x), task.query.y)`",
            {{place, "the objective"}});
      if (!flow.holds(results) || flow.differentiates(results)) continue;
      const auto ends = flow.ends(results, objective.loss);
      if (ends.empty() || std::any_of(ends.begin(), ends.end(), is_stop)) continue;
      const Flow::End& end = ends.back();
      self.fail(
          "E0488", one.span,
          fmt::format("the derivative that is taken here reaches the objective of `{}` through `{}` only, which has "
                      "no derivative: the update is cut off",
                      learner.name(), end.op),
          "", "where a first-order update is meant, say so: `stop_gradient(g)`", at(end.place, "it is cut off here"));
    }
  }
};

// Where the first part of a path is learned, "base.theta.linear1": by the learner, or the one that it wraps.
Span learned_at(const Learner& learner, const std::string& path) {
  const std::string name = path.substr(0, path.find('.'));
  if (name == "base" && learner.base() != nullptr) return learned_at(*learner.base(), path.substr(name.size() + 1));
  for (const auto& statement : learner.definition->body.block->statements)
    if (const auto* learn = std::get_if<LearnStatement>(&statement->node); learn != nullptr && learn->name.text == name)
      return statement->span;
  return learner.definition->name.span;
}

// Tells the paths to each learned tensor, from the objective to where it is learned.
void tell(Elaborator& self, const Learner& learner, const Value& weights, const Flow& flow,
          const std::vector<Tensor>& variables, Span objective) {
  std::vector<LearnedFlow> all;
  std::size_t next = 0;
  for (const auto& leaf : leaves(seen(weights))) {
    auto& learned =
        all.emplace_back(LearnedFlow{leaf.path, flow.paths(std::span(&variables[next++], 1), self.places())});
    for (auto& path : learned.paths) {
      path.places.insert(path.places.begin(), objective);
      path.places.push_back(learned_at(learner, leaf.path));
    }
  }
  self.flow_found(learner, all);
}

}  // namespace

Noting::Noting(Elaborator& elaborator, FlowLog& log, const Learner& learner)
    : elaborator_(elaborator), before_(elaborator.flow) {
  for (const Definition* objective : objectives(learner))
    for (const Span term : terms_of(*objective)) log.watch(term);
  log.graph = elaborator.context().graph;
  elaborator.flow = &log;
}

void check_flow(Elaborator& self, const Learner& learner, const Value& weights, const Elaborated& objective,
                const std::vector<Tensor>& gradients, Span place) {
  const Flow flow(objective.log, objective.loss);
  if (self.flow_found != nullptr) tell(self, learner, weights, flow, objective.variables, place);
  const Judge judge{self, learner, objective, flow, place};
  std::size_t next = 0;
  judge.learned(learner, "", weights, gradients, next);
  judge.terms();
  judge.inner_derivatives();
  if (!self.overlap_intended) judge.query_labels(objective.item);
}

}  // namespace metac::dsl
