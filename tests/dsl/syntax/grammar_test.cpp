// What the grammar means: precedence, lines, words, forms of statements. Trees are compared by their dumps.
#include <boost/test/unit_test.hpp>

#include "dsl/syntax/reading.hpp"
#include "syntax/nodes.hpp"

using namespace metac::dsl;

namespace {

struct Case {
  const char* text;
  const char* tree;
};

void check_all(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const Reading reading(one.text);
    BOOST_TEST(reading.messages() == "", one.text << "\n" << reading.messages());
    BOOST_TEST(reading.tree() == std::string(one.tree) + "\n", one.text << "\nhas the tree " << reading.tree());
    const Reading again(reading.printed());
    BOOST_TEST(again.tree() == reading.tree(), one.text << "\nwas printed as\n" << reading.printed());
    BOOST_TEST(again.printed() == reading.printed());
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(grammar)

BOOST_AUTO_TEST_CASE(operators_bind_in_the_documented_order) {
  check_all({
      {"a + b * c", "(+ a (* b c))"},
      {"a - b - c", "(- (- a b) c)"},
      {"a * b / c @ d % e", "(% (@ (/ (* a b) c) d) e)"},
      {"a ^ b ^ c", "(^ a (^ b c))"},
      {"-a ^ 2", "(- (^ a 2))"},
      {"2 ^ -a * b", "(* (^ 2 (- a)) b)"},
      {"-a * b", "(* (- a) b)"},
      {"- -a", "(- (- a))"},
      {"-a.b(c)[1]", "(- (index (call (. a b) [c]) [1]))"},
      {"1..n + 1", "(.. 1 (+ n 1))"},
      {"a + 1 < b and not c == d or e", "(or (and (< (+ a 1) b) (not (== c d))) e)"},
      {"a or b and c", "(or a (and b c))"},
      {"not not a", "(not (not a))"},
      {"x |> f(1) |> g", "(|> (|> x (call f [1])) g)"},
      {"a or b |> f", "(|> (or a b) f)"},
      {"(a + b) * c", "(* (paren (+ a b)) c)"},
      {"a @ b + c", "(+ (@ a b) c)"},
  });
}

BOOST_AUTO_TEST_CASE(as_names_one_stage_of_a_pipe) {
  check_all({
      {"x |> flatten |> linear(ways) as head", "(|> (|> x flatten) (as (call linear [ways]) head))"},
      {"x as a |> f as b", "(|> (as x a) (as f b))"},
      {"let h = linear(3) as head", "(let h (as (call linear [3]) head))"},
      {"a + b as c", "(as (+ a b) c)"},
  });
}

BOOST_AUTO_TEST_CASE(if_and_functions_reach_as_far_right_as_they_can) {
  check_all({
      {"let s = if a > 0 then b else c + 1 |> f", "(let s (if (> a 0) b (|> (+ c 1) f)))"},
      {"1 + if a then b else c", "(+ 1 (if a b c))"},
      {"let f = fn (x) = x + 1 |> g", "(let f (fn [[x]] (|> (+ x 1) g)))"},
      {"let f = fn (x, y = 2)(z) { return x }", "(let f (fn [[x y=2] [z]] {(return x)}))"},
      {"if a then b else c", "(if a b c)"},
  });
}

BOOST_AUTO_TEST_CASE(parentheses_group_or_make_records) {
  check_all({
      {"(a)", "(paren a)"},
      {"(a,)", "(record [a])"},
      {"()", "(record [])"},
      {"(a, b)", "(record [a b])"},
      {"(x: 1, y: [2])", "(record [x:1 y:(list [2])])"},
      {"[]", "(list [])"},
      {"[a, b,]", "(list [a b])"},
      {"[e + 1 for e in xs]", "(each (+ e 1) e xs nil)"},
      {"[e for (e, f) in xs if f > 0]", "(each e [e f] xs (> f 0))"},
  });
}

BOOST_AUTO_TEST_CASE(indices_and_slices) {
  check_all({
      {"x[1]", "(index x [1])"},
      {"x[-1, a:b]", "(index x [(- 1) (slice a b)])"},
      {"x[:, 1:, :2]", "(index x [(slice nil nil) (slice 1 nil) (slice nil 2)])"},
      {"x.y[0].z", "(. (index (. x y) [0]) z)"},
  });
}

BOOST_AUTO_TEST_CASE(literals_have_their_values) {
  check_all({
      {"20_000", "20000"},
      {"1e-3", "f0.001000"},
      {"0.5", "f0.500000"},
      {"2E3", "f2000.000000"},
      {"9223372036854775807", "9223372036854775807"},
      {"1..3", "(.. 1 3)"},
      {"\"a\\n\\\"\\\\\"", "\"a\n\"\\\""},
      {"true", "true"},
      {"[true, false, truth]", "(list [true false truth])"},
  });
}

BOOST_AUTO_TEST_CASE(derivatives_take_a_block_and_their_names_are_ordinary_otherwise) {
  check_all({
      {"grad(w) { f(w) }", "(grad [w] {(call f [w])})"},
      {"grad(w.head) { f(w) } + 1", "(+ (grad [(. w head)] {(call f [w])}) 1)"},
      {"let (v, g) = value_and_grad(a, b) { a * b }", "(let [v g] (value_and_grad [a b] {(* a b)}))"},
      {"jvp(w, along: v) { w }", "(jvp [w along:v] {w})"},
      {"hessian(w) { let a = w; a }", "(hessian [w] {(let a w); a})"},
      {"let grad = 3", "(let grad 3)"},
      {"gradient.theta + grad", "(+ (. gradient theta) grad)"},
  });
}

BOOST_AUTO_TEST_CASE(work_is_an_expression_whose_options_may_be_missing) {
  check_all({
      {"train a on b", "(train a b [])"},
      {"train a on b {}", "(train a b [])"},
      {"train a on f(b) { x: 1, y: 2 }", "(train a (call f [b]) [x:1 y:2])"},
      {"let r = evaluate [a, b] on c {\n  x: 1\n  y: (\n    z: 2\n  )\n}",
       "(let r (evaluate (list [a b]) c [x:1 y:(record [z:2])]))"},
      {"train a on b { x: 1,\n\n y: 2, }", "(train a b [x:1 y:2])"},
  });
}

BOOST_AUTO_TEST_CASE(words_are_reserved_only_where_a_statement_begins) {
  check_all({
      {"let learner = model", "(let learner model)"},
      {"task.train", "(. task train)"},
      {"f(train: 3, model: learner, on: tasks)", "(call f [train:3 model:learner on:tasks])"},
      {"let r = [train, evaluate]", "(let r (list [train evaluate]))"},
      {"let r = train + evaluate(3)", "(let r (+ train (call evaluate [3])))"},
      {"x.let.fn.if", "(. (. (. x let) fn) if)"},
      {"train learner on tasks", "(train learner tasks [])"},
      {"let (use, memory) = var", "(let [use memory] var)"},
      {"fn learn(param = model) = return", "(define0 learn [[param=model]] return)''"},
  });
}

BOOST_AUTO_TEST_CASE(statements_of_every_kind) {
  check_all({
      {"use \"a.meta\"", "(use [])a.meta"},
      {"use a, b from \"c.meta\"", "(use [a b])c.meta"},
      {"var (a, b) = c", "(var [a b] c)"},
      {"w = 1", "(set [[w]] 1)"},
      {"w.head.bias = 1", "(set [[w head bias]] 1)"},
      {"(w, s.t) = f()", "(set* [[w] [s t]] (call f []))"},
      {"x ~ uniform(0, 1)", "(~ x (call uniform [0 1]))"},
      {"(x, y) ~ d", "(~ [x y] d)"},
      {"param w[a, b + 1] ~ zeros()", "(param w [a (+ b 1)] (call zeros []))"},
      {"param w ~ zeros()", "(param w [] (call zeros []))"},
      {"learn t = init(net)", "(learn t (call init [net]))"},
      {"memory seen = 0", "(memory seen 0)"},
      {"for _ in 1..n { f() }", "(for _ (.. 1 n) {(call f [])})"},
      {"for (a, b) in c {}", "(for [a b] c {})"},
      {"if a { b } else if c { d } else { e }", "(if a {b} {(if c {d} {e})})"},
      {"on step(batch) { a = b }", "(on step [batch] {(set [[a]] b)})"},
      {"model m(a)(x) = x", "(define1 m [[a] [x]] x)''"},
      {"tasks t { a ~ b }", "(define2 t [] {(~ a b)})''"},
      {"learner l(a, b = 1) { learn c = a }", "(define3 l [[a b=1]] {(learn c a)})''"},
      {"optimizer o() { fn update(w, g) { v = g; return w } }",
       "(define4 o [[]] {(define0 update [[w g]] {(set [[v]] g); (return w)})''})''"},
      {"experiment e { print(1) }", "(define5 e [] {(call print [1])})''"},
  });
}

BOOST_AUTO_TEST_CASE(a_line_ends_a_statement_except_where_it_cannot_be_finished) {
  check_all({
      {"a\nb", "a\nb"},
      {"a; b", "a\nb"},
      {"a +\n b", "(+ a b)"},
      {"a\n + b", "(+ a b)"},
      {"a\n\n  # why\n  |> f\n  |> g", "(|> (|> a f) g)"},
      {"a\n- b", "(- a b)"},  // a leading minus goes on, as every binary operator does
      {"a\nand b", "(and a b)"},
      {"a\n(b)", "a\n(paren b)"},  // brackets do not
      {"a\n[b]", "a\n(list [b])"},
      {"f(\n a\n + b,\n c\n)", "(call f [(+ a b) c])"},
      {"[\n a,\n b\n]", "(list [a b])"},
      {"let a =\n b", "(let a b)"},
      {"let a = if b\n then c\n else d", "(let a (if b c d))"},
      {"if a {\n b\n}\nelse {\n c\n}", "(if a {b} {c})"},
      {"fn f(x)\n{\n x\n}", "(define0 f [[x]] {x})''"},
      {"f(fn (x) {\n a\n b\n}, c)", "(call f [(fn [[x]] {a; b}) c])"},
      {"a = b\nnot c", "(set [[a]] b)\n(not c)"},
      {"a  # + b\nc", "a\nc"},
      {"a\r\nb\r\n", "a\nb"},
      {"\xEF\xBB\xBF"
       "a",
       "a"},
  });
}

BOOST_AUTO_TEST_CASE(comments_right_above_a_definition_document_it) {
  check_all({
      {"# far\n\n# one\n#  two\nfn f() = 1", "(define0 f [[]] 1)'one\n two'"},
      {"# far\n\nfn f() = 1", "(define0 f [[]] 1)''"},
      {"a  # behind\nfn f() = 1", "a\n(define0 f [[]] 1)''"},
      {"learner l {\n  # in\n  fn f() = 1\n}", "(define3 l [] {(define0 f [[]] 1)'in'})''"},
  });
}

BOOST_AUTO_TEST_CASE(spans_are_exact) {
  const Reading reading("let a =  f( b ).c + -d  # x\n");
  const auto& let = std::get<LetStatement>(reading.module.statements.at(0)->node);
  BOOST_TEST(reading.sources.text(reading.module.statements[0]->span) == "let a =  f( b ).c + -d");
  BOOST_TEST(reading.sources.text(let.value->span) == "f( b ).c + -d");
  const auto& sum = std::get<BinaryExpr>(let.value->node);
  BOOST_TEST(reading.sources.text(sum.op_span) == "+");
  BOOST_TEST(reading.sources.text(sum.left->span) == "f( b ).c");
  BOOST_TEST(reading.sources.text(sum.right->span) == "-d");
  BOOST_TEST(reading.sources.text(reading.module.comments.at(0).span) == "# x");
}

BOOST_AUTO_TEST_CASE(an_expression_prints_on_one_line) {
  const std::vector<std::string> lines = {"conv2d(channels, kernel: 3)",
                                          "x |> f |> g(1) as head",
                                          "-a^2 + (b, c)[0]",
                                          "[e for (e, f) in xs if f > 0]",
                                          "if a then b else c",
                                          "fn (x) = x + 1",
                                          "fn (x)(y = 2) { let a = x; return a }",
                                          "grad(w) { f(w, x) }",
                                          "evaluate [a, b] on c { tasks: 600, with: (updates: 3) }",
                                          "\"a\\n\\\"\"",
                                          "x[1:, :, :2]",
                                          "not a == 1.0",
                                          "(a,)",
                                          "1..n",
                                          "0.001"};
  for (const std::string& line : lines) {
    const Reading reading(line);
    BOOST_TEST(reading.messages() == "");
    BOOST_TEST(print(*std::get<ExprStatement>(reading.module.statements.at(0)->node).value) == line);
  }
}

BOOST_AUTO_TEST_SUITE_END()
