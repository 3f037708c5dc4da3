// The syntax tree of a `.meta` text: what was written, with a Span for each part, and nothing about what it means.
// It knows no grammar library; the printer turns it back into the same text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "source/source.hpp"

namespace metac::dsl {

struct Name {
  std::string text;
  Span span;
};

struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;  // shared, so that later stages keep parts of a tree alive by value

struct Statement;
struct Block {
  std::vector<std::shared_ptr<const Statement>> statements;
  Span span;  // with the braces
};
using BlockPtr = std::shared_ptr<const Block>;

// ---- expressions ----

struct NumberLiteral {
  bool is_integer = false;
  std::int64_t integer = 0;  // when is_integer
  double real = 0;           // always set
};
struct StringLiteral { std::string value; };  // escapes resolved
struct BoolLiteral { bool value = false; };
struct NameExpr { std::string name; };        // also `_`
struct ListExpr { std::vector<ExprPtr> items; };

// (e): grouping, not a record. Kept so that the printer keeps the writer's parentheses.
struct ParenExpr { ExprPtr inner; };
// (a, b) has unnamed fields; (x: a, y: b) named ones. `()` is the empty record.
struct Field {
  std::optional<Name> name;
  ExprPtr value;
  Span span;
};
struct RecordExpr { std::vector<Field> fields; };
// [e for x in xs if c]
struct ComprehensionExpr;

enum class UnaryOp { negate, logical_not };
struct UnaryExpr { UnaryOp op; ExprPtr operand; };

// power is `^` (right associative, binds tighter than unary minus on its left); matmul is `@`; range is `a..b`, both
// ends; pipe is `x |> f`.
enum class BinaryOp {
  add, subtract, multiply, divide, remainder, power, matmul,
  equal, not_equal, less, less_equal, greater, greater_equal,
  logical_and, logical_or, range, pipe
};
struct BinaryExpr {
  BinaryOp op;
  Span op_span;
  ExprPtr left, right;
};

struct CallExpr {
  ExprPtr callee;
  std::vector<Field> arguments;  // positional or named
};
struct MemberExpr { ExprPtr base; Name member; };
// x[i], x[a:b], x[:, 1:]. An item is an index, or a slice with optional ends.
struct IndexItem {
  ExprPtr index;          // set for a plain index
  bool is_slice = false;
  ExprPtr begin, end;     // of a slice, either may be null
  Span span;
};
struct IndexExpr { ExprPtr base; std::vector<IndexItem> items; };

struct IfExpr { ExprPtr condition, then, otherwise; };  // if c then a else b
struct NamedExpr { ExprPtr inner; Name name; };         // e as name

struct Parameter {
  Name name;
  ExprPtr default_value;  // null: required
};
struct ParameterList {
  std::vector<Parameter> parameters;
  Span span;
};
// The value of a definition: an expression after `=`, or a block.
struct Body {
  ExprPtr expression;  // one of the two is set
  BlockPtr block;
};
struct FunctionExpr { std::vector<ParameterList> lists; Body body; };  // fn (x) = e

// grad(w) { e }, value_and_grad(a, b) {..}, jvp(w, along: v) {..}, hessian(w) {..}
struct DerivativeExpr {
  Name kind;
  std::vector<Field> arguments;
  BlockPtr block;
};

// train LEARNER on SOURCE { options }; evaluate LEARNER on SOURCE { options }. Options are `name: value`, separated by
// commas or line ends. They are expressions: `let result = evaluate ...`.
struct WorkExpr {
  enum class Kind { train, evaluate } kind;
  ExprPtr learner, source;
  std::vector<Field> options;
};

struct Expr {
  Span span;
  std::variant<NumberLiteral, StringLiteral, BoolLiteral, NameExpr, ListExpr, ParenExpr, RecordExpr,
               std::shared_ptr<const ComprehensionExpr>, UnaryExpr, BinaryExpr, CallExpr, MemberExpr, IndexExpr, IfExpr,
               NamedExpr, FunctionExpr, DerivativeExpr, WorkExpr>
      node;
};

struct Pattern {
  std::vector<Name> names;  // one name, or several for (a, b)
  bool is_tuple = false;
  Span span;
};

struct ComprehensionExpr {
  ExprPtr item;
  Pattern pattern;
  ExprPtr sequence;
  ExprPtr condition;  // may be null
};

// ---- statements ----

struct LetStatement { Pattern pattern; ExprPtr value; };
struct VarStatement { Pattern pattern; ExprPtr value; };
// w = e, w.head = e, (w, state) = e. Also the bindings of a `tasks` body. `paths[i]` is a name and its members.
struct AssignStatement {
  std::vector<std::vector<Name>> paths;
  bool is_tuple = false;
  ExprPtr value;
};
struct DrawStatement { Pattern pattern; ExprPtr distribution; };        // x ~ uniform(0, 1)
struct ParamStatement { Name name; std::vector<ExprPtr> shape; ExprPtr initialiser; };  // param w[a, b] ~ zeros()
struct LearnStatement { Name name; ExprPtr value; };                    // learn theta = init(net)
struct MemoryStatement { Name name; ExprPtr value; };
struct ReturnStatement { ExprPtr value; };
struct ForStatement { Pattern pattern; ExprPtr sequence; BlockPtr body; };
struct IfStatement { ExprPtr condition; BlockPtr then; BlockPtr otherwise; };  // otherwise may be null; `else if` nests
struct OnStatement { Name event; ParameterList parameters; BlockPtr body; };  // on step(batch) { .. }
struct ExprStatement { ExprPtr value; };

enum class DefinitionKind { function, model, tasks, learner, optimizer, experiment };
// fn, model, tasks, learner, optimizer, experiment. `lists` has one parameter list, or two for what takes settings
// first, or none.
struct Definition {
  DefinitionKind kind;
  Name name;
  std::vector<ParameterList> lists;
  Body body;
  std::string documentation;  // the block of comments right above, without `#`
};
// use "file.meta" | use a, b from "file.meta"
struct UseStatement { std::vector<Name> names; std::string module; Span module_span; };

struct Statement {
  Span span;
  std::variant<LetStatement, VarStatement, AssignStatement, DrawStatement, ParamStatement, LearnStatement, MemoryStatement,
               ReturnStatement, ForStatement, IfStatement, OnStatement, ExprStatement, Definition, UseStatement>
      node;
};

struct Comment {
  Span span;         // from `#` to the end of the line, without the line end
  bool own_line = false;
};

struct Module {
  std::uint32_t file = 0;
  std::vector<std::shared_ptr<const Statement>> statements;
  std::vector<Comment> comments;  // in order; the printer puts them back
};

}  // namespace metac::dsl
