// The grammar of `.meta` texts, in PEGTL; the only file that knows PEGTL. Rules are predictive: after the first token
// or two of a construct it is settled, and `expect` turns a failure into a message instead of going back.
//
// Rules read tokens (tokens.hpp), each with the space before it. Whether a line end is space depends on the innermost
// bracket: inside ( ) and [ ] it is, inside { } it ends a statement. `gap` steps over line ends everywhere.
#include <tao/pegtl.hpp>
#include <tao/pegtl/contrib/analyze.hpp>

#include "syntax/nodes.hpp"
#include "syntax/tokens.hpp"

namespace metac::dsl {

namespace pegtl = tao::pegtl;

namespace {

using Input = pegtl::memory_input<pegtl::tracking_mode::lazy, pegtl::eol::lf>;

// The state of one run: where we are in brackets, and the nodes read so far that have no parent yet.
struct Reader {
  std::string_view text;
  std::uint32_t file;
  Report& report;
  bool lines_matter = true;
  int nesting = 0;
  std::vector<Opening> openings;
  std::vector<Node> nodes;
  Token last_token{TokenKind::end, UINT32_MAX, UINT32_MAX};  // a cache: alternatives ask for the same token
  std::uint32_t last_asked = UINT32_MAX;

  static std::uint32_t position(const Input& in) { return static_cast<std::uint32_t>(in.current() - in.begin()); }
  static void move_to(Input& in, std::uint32_t at) { in.iterator() = in.begin() + at; }

  Token next_raw(std::uint32_t at) {
    if (at != last_asked) {
      last_token = token_at(text, at);
      last_asked = at;
    }
    return last_token;
  }
  Token next(std::uint32_t at) {
    Token token = next_raw(at);
    while (token.kind == TokenKind::comment || (token.kind == TokenKind::newline && !lines_matter)) {
      token = token_at(text, token.end);
    }
    return token;
  }
  Token next_significant(std::uint32_t at) {
    const Token token = next_raw(at);
    const bool is_space = token.kind == TokenKind::comment || token.kind == TokenKind::newline;
    return is_space ? significant_token_at(text, token.end) : token;
  }
  [[noreturn]] void fail(std::string_view expected, std::uint32_t at) const {
    Mistake mistake{Mistake::Kind::expected, expected, at, std::nullopt};
    if (!openings.empty()) mistake.opening = openings.back();
    throw mistake;
  }
  void fold(std::size_t mark, NodeKind kind, std::uint32_t begin, std::uint32_t end) {
    Node node{kind, begin, end, {}};
    const auto first = nodes.begin() + static_cast<std::ptrdiff_t>(mark);
    node.children.assign(std::make_move_iterator(first), std::make_move_iterator(nodes.end()));
    nodes.resize(mark);
    nodes.push_back(std::move(node));
  }
};

}  // namespace

// Named, not anonymous: PEGTL's analysis prints these names.
namespace grammar {

template <std::size_t N>
struct Text {
  char chars[N];
  constexpr Text(const char (&text)[N]) {  // NOLINT: implicit, so that a rule reads `token<"let">`
    for (std::size_t i = 0; i < N; ++i) chars[i] = text[i];
  }
  constexpr std::string_view view() const { return {chars, N - 1}; }
};

// ---- reading tokens ----

// A rule that takes the next token if Derived::accepts it.
template <typename Derived>
struct one_token {
  using rule_t = one_token;
  using subs_t = pegtl::empty_list;
  template <pegtl::apply_mode, pegtl::rewind_mode, template <typename...> class, template <typename...> class>
  static bool match(Input& in, Reader& reader) {
    const Token next =
        Derived::across_lines ? reader.next_significant(Reader::position(in)) : reader.next(Reader::position(in));
    if (!Derived::accepts(reader, next)) return false;
    Reader::move_to(in, next.end);
    return true;
  }
  static constexpr bool across_lines = false;
};

template <Text T>
struct token : one_token<token<T>> {
  static bool accepts(const Reader& reader, const Token& next) { return view(reader.text, next) == T.view(); }
};
// The same, also at the start of a later line.
template <Text T>
struct later : one_token<later<T>> {
  static constexpr bool across_lines = true;
  static bool accepts(const Reader& reader, const Token& next) { return view(reader.text, next) == T.view(); }
};

struct newline : one_token<newline> {
  static bool accepts(const Reader&, const Token& next) { return next.kind == TokenKind::newline; }
};
struct any_word : one_token<any_word> {
  static bool accepts(const Reader&, const Token& next) { return next.kind == TokenKind::word; }
};
// A name for a value. At the start of a line `let x` is not the name `let`: the line before was not finished.
struct free_word : one_token<free_word> {
  static bool accepts(const Reader& reader, const Token& next) {
    if (next.kind != TokenKind::word || is_reserved_word(view(reader.text, next))) return false;
    return !(begins_line(reader.text, next.begin) && looks_like_statement(reader.text, next));
  }
};
struct truth_word : one_token<truth_word> {
  static bool accepts(const Reader& reader, const Token& next) {
    return view(reader.text, next) == "true" || view(reader.text, next) == "false";
  }
};
struct derivative_word : one_token<derivative_word> {
  static bool accepts(const Reader& reader, const Token& next) {
    const std::string_view word = view(reader.text, next);
    const bool known = word == "grad" || word == "value_and_grad" || word == "jvp" || word == "hessian";
    return known && view(reader.text, token_at(reader.text, next.end)) == "(";
  }
};
// `train` and `evaluate` begin work where an operand follows after a blank; else they are names.
struct work_word : one_token<work_word> {
  static bool accepts(const Reader& reader, const Token& next) {
    const std::string_view word = view(reader.text, next);
    if (word != "train" && word != "evaluate") return false;
    const Token operand = token_at(reader.text, next.end);
    if (operand.begin == next.end) return false;
    const std::string_view start = view(reader.text, operand);
    if (operand.kind == TokenKind::word) return !is_reserved_word(start);
    return start == "[" || start == "(";
  }
};
struct definition_word : one_token<definition_word> {
  static bool accepts(const Reader& reader, const Token& next) {
    const std::string_view word = view(reader.text, next);
    return word == "model" || word == "tasks" || word == "learner" || word == "optimizer" || word == "experiment";
  }
};
struct number_token : one_token<number_token> {
  static bool accepts(const Reader&, const Token& next) { return next.kind == TokenKind::number; }
};
struct string_token : one_token<string_token> {
  static bool accepts(const Reader&, const Token& next) { return next.kind == TokenKind::string; }
};
struct prefix_token : one_token<prefix_token> {
  static bool accepts(const Reader& reader, const Token& next) {
    return view(reader.text, next) == "-" || view(reader.text, next) == "not";
  }
};
// Also at the start of the next line: there it goes on with the line before.
struct binary_token : one_token<binary_token> {
  static constexpr bool across_lines = true;
  static bool accepts(const Reader& reader, const Token& next) {
    static constexpr std::string_view operators[] = {
        "|>", "or", "and", "==", "!=", "<", "<=", ">", ">=", "..", "+", "-", "*", "/", "%", "@", "^"};
    for (const std::string_view known : operators) {
      if (view(reader.text, next) == known) return true;
    }
    return false;
  }
};
// A `(` or `[` that goes on with an operand stands on its line, even inside brackets.
template <Text T>
struct same_line : one_token<same_line<T>> {
  static bool accepts(const Reader& reader, const Token& next) {
    return view(reader.text, next) == T.view() && !begins_line(reader.text, next.begin);
  }
};

// Matches nothing, but steps over line ends and comments.
struct gap {
  using rule_t = gap;
  using subs_t = pegtl::empty_list;
  template <pegtl::apply_mode, pegtl::rewind_mode, template <typename...> class, template <typename...> class>
  static bool match(Input& in, Reader& reader) {
    Reader::move_to(in, significant_token_at(reader.text, Reader::position(in)).begin);
    return true;
  }
};
struct at_end {
  using rule_t = at_end;
  using subs_t = pegtl::empty_list;
  template <pegtl::apply_mode, pegtl::rewind_mode, template <typename...> class, template <typename...> class>
  static bool match(Input& in, Reader& reader) {
    return reader.next(Reader::position(in)).kind == TokenKind::end;
  }
};

// ---- making nodes ----

// Rules... in a row; what they made becomes the children of one node.
template <NodeKind Kind, typename... Rules>
struct node {
  using rule_t = node;
  using subs_t = pegtl::type_list<Rules...>;
  template <pegtl::apply_mode A, pegtl::rewind_mode, template <typename...> class Action,
            template <typename...> class Control>
  static bool match(Input& in, Reader& reader) {
    const std::size_t mark = reader.nodes.size();
    const std::uint32_t start = Reader::position(in);
    if (!pegtl::match<pegtl::seq<Rules...>, A, pegtl::rewind_mode::required, Action, Control>(in, reader)) {
      Reader::move_to(in, start);
      reader.nodes.resize(mark);
      return false;
    }
    const std::uint32_t begin = significant_token_at(reader.text, start).begin;
    reader.fold(mark, Kind, begin, Reader::position(in));
    return true;
  }
};

// Rule, or the mistake "expected WHAT".
template <Text What, typename Rule>
struct expect {
  using rule_t = expect;
  using subs_t = pegtl::type_list<Rule>;
  static constexpr Text what = What;
  template <pegtl::apply_mode A, pegtl::rewind_mode, template <typename...> class Action,
            template <typename...> class Control>
  static bool match(Input& in, Reader& reader) {
    const std::uint32_t start = Reader::position(in);
    if (!pegtl::match<Rule, A, pegtl::rewind_mode::required, Action, Control>(in, reader))
      reader.fail(what.view(), start);
    return true;
  }
};

// OPEN Rule CLOSE. Inside, line ends matter only between braces.
template <Text Open, Text Close, Text Expected, typename Rule>
struct enclosed {
  using rule_t = enclosed;
  using subs_t = pegtl::type_list<Rule>;
  static constexpr Text expected = Expected;

  struct Inside {
    Reader& reader;
    bool lines_mattered;
    Inside(Reader& r, std::uint32_t at) : reader(r), lines_mattered(r.lines_matter) {
      reader.lines_matter = Open.view() == "{";
      reader.openings.push_back({Open.view().front(), at});
    }
    ~Inside() {
      reader.lines_matter = lines_mattered;
      reader.openings.pop_back();
    }
  };

  template <pegtl::apply_mode A, pegtl::rewind_mode, template <typename...> class Action,
            template <typename...> class Control>
  static bool match(Input& in, Reader& reader) {
    const Token open = reader.next(Reader::position(in));
    if (view(reader.text, open) != Open.view()) return false;
    Reader::move_to(in, open.end);
    const Inside inside(reader, open.begin);
    (void)pegtl::match<Rule, A, pegtl::rewind_mode::required, Action, Control>(in, reader);
    const std::uint32_t at = Reader::position(in);
    const Token close = significant_token_at(reader.text, at);
    if (view(reader.text, close) != Close.view()) reader.fail(expected.view(), at);
    Reader::move_to(in, close.end);
    return true;
  }
};

// Rule, one level deeper.
template <typename Rule>
struct nested {
  using rule_t = nested;
  using subs_t = pegtl::type_list<Rule>;
  struct Level {
    int& nesting;
    explicit Level(int& n) : nesting(++n) {}
    ~Level() { --nesting; }
  };
  template <pegtl::apply_mode A, pegtl::rewind_mode M, template <typename...> class Action,
            template <typename...> class Control>
  static bool match(Input& in, Reader& reader) {
    const Level level(reader.nesting);
    if (reader.nesting > maximum_nesting) {
      throw Mistake{Mistake::Kind::too_deep, {}, Reader::position(in), std::nullopt};
    }
    return pegtl::match<Rule, A, M, Action, Control>(in, reader);
  }
};

struct Enough {};  // so many mistakes that reading on helps nobody

// Rule; after a mistake in it, reports and goes on behind the statement. Enough, where there were too many.
template <typename Rule>
struct recovering {
  using rule_t = recovering;
  using subs_t = pegtl::type_list<Rule>;
  template <pegtl::apply_mode A, pegtl::rewind_mode M, template <typename...> class Action,
            template <typename...> class Control>
  static bool match(Input& in, Reader& reader) {
    const std::size_t mark = reader.nodes.size();
    const std::uint32_t begin = reader.next(Reader::position(in)).begin;
    try {
      return pegtl::match<Rule, A, M, Action, Control>(in, reader);
    } catch (const Mistake& mistake) {
      report_mistake(mistake, reader.text, reader.file, reader.report);
      reader.nodes.resize(mark);
      if (reader.report.errors() > most_mistakes) throw Enough{};
      const bool in_block = !reader.openings.empty();
      Reader::move_to(in, resume_after(reader.text, begin, mistake.at, in_block));
      return true;
    }
  }
};

using pegtl::at;
using pegtl::not_at;
using pegtl::opt;
using pegtl::seq;
using pegtl::sor;
using pegtl::star;

// ---- names and lists ----

struct name : node<NodeKind::name, free_word> {};
struct any_name : node<NodeKind::name, any_word> {};
struct a_name : expect<"a name", name> {};
struct number : node<NodeKind::number, number_token> {};
struct string : node<NodeKind::string, string_token> {};
struct trailing_comma : node<NodeKind::trailing_comma, token<",">> {};

struct expression;
struct value : seq<gap, expect<"an expression", expression>> {};

// Nothing, or Items with commas between and perhaps one behind.
template <Text Close, typename Item>
struct items : opt<not_at<token<Close>>, Item, star<token<",">, gap, not_at<token<Close>>, Item>, opt<trailing_comma>> {
};

struct pattern
    : node<NodeKind::pattern, sor<name, seq<at<token<"(">>, enclosed<"(", ")", "`)`", items<")", a_name>>>>> {};
struct a_pattern : expect<"a name", pattern> {};

struct named_field : node<NodeKind::field, at<any_word, token<":">>, any_name, token<":">, value> {};
struct plain_field : node<NodeKind::field, expect<"an expression", expression>> {};
struct field : sor<named_field, plain_field> {};
struct fields : enclosed<"(", ")", "`,` or `)`", items<")", field>> {};

struct parameter : node<NodeKind::parameter, a_name, opt<token<"=">, value>> {};
struct parameters : node<NodeKind::parameters, enclosed<"(", ")", "`,` or `)`", items<")", parameter>>> {};

// ---- expressions ----

struct block;
struct body : sor<seq<token<"=">, value>, seq<at<later<"{">>, gap, block>> {};

struct parens : node<NodeKind::parens, fields> {};

struct comprehension_tail : node<NodeKind::comprehension, token<"for">, a_pattern, expect<"`in`", token<"in">>, value,
                                 opt<token<"if">, value>> {};
struct list_rest : seq<star<token<",">, not_at<token<"]">>, expect<"an expression", expression>>, opt<trailing_comma>> {
};
struct list_content : opt<not_at<token<"]">>, expect<"an expression", expression>, sor<comprehension_tail, list_rest>> {
};
struct list : node<NodeKind::list, enclosed<"[", "]", "`,` or `]`", list_content>> {};

struct derivative : node<NodeKind::derivative, at<derivative_word>, any_name, fields, opt<at<later<"{">>, gap, block>> {
};

struct truth : node<NodeKind::name, truth_word> {};
struct primary : sor<number, string, parens, list, derivative, truth, name> {};

struct call : node<NodeKind::call, at<same_line<"(">>, fields> {};
struct colon : node<NodeKind::colon, token<":">> {};
struct slice_end : opt<not_at<sor<token<",">, token<"]">>>, expect<"an expression", expression>> {};
struct index_item : node<NodeKind::index_item,
                         sor<seq<colon, slice_end>, seq<expect<"an index", expression>, opt<colon, slice_end>>>> {};
struct index_items : seq<index_item, star<token<",">, gap, not_at<token<"]">>, index_item>, opt<trailing_comma>> {};
struct index : node<NodeKind::index, at<same_line<"[">>, enclosed<"[", "]", "`,` or `]`", index_items>> {};
struct member : node<NodeKind::member, token<".">, expect<"a name", any_name>> {};
struct postfix : node<NodeKind::postfix, primary, star<sor<call, index, member>>> {};

struct if_then : node<NodeKind::if_then, token<"if">, value, expect<"`then`", later<"then">>, value,
                      expect<"`else`", later<"else">>, value> {};
struct lambda : node<NodeKind::lambda, token<"fn">, expect<"`(`", parameters>, star<at<same_line<"(">>, parameters>,
                     expect<"`=` or `{`", body>> {};

struct separators : star<sor<newline, token<";">, token<",">>> {};
struct option_end : sor<newline, token<";">, token<",">, at<token<"}">>, at_end> {};
struct option : node<NodeKind::field, expect<"an option such as `iterations: 1000`", any_name>,
                     expect<"`:`", token<":">>, value> {};
struct option_line : seq<option, expect<"`,`, a new line or `}`", option_end>> {};
struct options
    : node<NodeKind::options,
           enclosed<"{", "}", "`}`",
                    seq<separators, star<not_at<token<"}">>, not_at<at_end>, recovering<option_line>, separators>>>> {};
struct work : node<NodeKind::work, at<work_word>, any_name, value, expect<"`on`", token<"on">>, value,
                   opt<at<later<"{">>, gap, options>> {};

struct prefix_operator : node<NodeKind::prefix_operator, prefix_token> {};
struct binary_operator : node<NodeKind::binary_operator, binary_token> {};
struct as_name : node<NodeKind::as_name, token<"as">, a_name> {};
struct operand : sor<if_then, lambda, work, postfix> {};
struct prefixed : sor<seq<prefix_operator, star<prefix_operator>, expect<"an expression", operand>>, operand> {};
struct more : sor<as_name, seq<binary_operator, gap, expect<"an expression", prefixed>>> {};
struct expression : nested<node<NodeKind::expression, prefixed, star<more>>> {};

// ---- statements ----

struct is_sign : expect<"`=`", token<"=">> {};
struct let_statement : node<NodeKind::let, token<"let">, a_pattern, is_sign, value> {};
struct var_statement : node<NodeKind::var, token<"var">, a_pattern, is_sign, value> {};

struct fn_definition : node<NodeKind::definition, at<token<"fn">, any_word>, node<NodeKind::keyword, token<"fn">>,
                            a_name, star<parameters>, expect<"`(`, `=` or `{`", body>> {};
struct definition : node<NodeKind::definition, node<NodeKind::keyword, definition_word>, a_name, star<parameters>,
                         expect<"`(`, `=` or `{`", body>> {};

struct used_names : seq<a_name, star<token<",">, gap, a_name>, expect<"`from`", token<"from">>,
                        expect<"the name of a file", string>> {};
struct use_statement : node<NodeKind::use, token<"use">, sor<string, used_names>> {};

struct shape
    : node<NodeKind::shape, enclosed<"[", "]", "`,` or `]`", items<"]", expect<"an expression", expression>>>> {};
struct param_statement : node<NodeKind::param, token<"param">, a_name, opt<shape>, expect<"`~`", token<"~">>, value> {};
struct learn_statement : node<NodeKind::learn, token<"learn">, a_name, is_sign, value> {};
struct memory_statement : node<NodeKind::memory, token<"memory">, a_name, is_sign, value> {};
struct return_statement : node<NodeKind::return_, token<"return">, expect<"an expression", expression>> {};

struct a_block : expect<"`{`", seq<gap, block>> {};
struct for_statement : node<NodeKind::for_, token<"for">, a_pattern, expect<"`in`", token<"in">>, value, a_block> {};

struct if_statement;
struct else_if : nested<if_statement> {};
struct then_part : seq<later<"then">, value, expect<"`else`", later<"else">>, value> {};
struct else_part : seq<later<"else">, gap, expect<"`{` or `if`", sor<else_if, block>>> {};
struct block_part : seq<at<later<"{">>, gap, block, opt<else_part>> {};
struct if_statement : node<NodeKind::if_, token<"if">, value, expect<"`{` or `then`", sor<then_part, block_part>>> {};

struct on_statement
    : node<NodeKind::on, token<"on">, expect<"the name of an event", any_name>, expect<"`(`", parameters>, a_block> {};

struct assign : node<NodeKind::assign, token<"=">> {};
struct draw : node<NodeKind::draw, token<"~">> {};
struct simple_statement : node<NodeKind::simple, expression, opt<sor<assign, draw>, value>> {};

struct statement
    : sor<let_statement, var_statement, fn_definition, definition, use_statement, param_statement, learn_statement,
          memory_statement, return_statement, for_statement, if_statement, on_statement, simple_statement> {};
struct statement_end : sor<newline, token<";">, at<token<"}">>, at_end> {};
struct statement_line : seq<expect<"a statement", statement>, expect<"the end of the line", statement_end>> {};
struct blank_lines : star<sor<newline, token<";">>> {};
struct statements
    : seq<blank_lines, star<not_at<token<"}">>, not_at<at_end>, recovering<statement_line>, blank_lines>> {};
struct block : node<NodeKind::block, nested<enclosed<"{", "}", "`}`", statements>>> {};

struct module : seq<blank_lines, star<not_at<at_end>, recovering<statement_line>, blank_lines>> {};

}  // namespace grammar

std::vector<Node> read_nodes(std::string_view text, std::uint32_t file, Report& report) {
  Reader reader{text, file, report, true, 0, {}, {}};
  Input input(text.data(), text.data() + text.size(), "");
  try {
    (void)pegtl::parse<grammar::module>(input, reader);
  } catch (const grammar::Enough&) {
    return {};
  }
  return std::move(reader.nodes);
}

}  // namespace metac::dsl

// ---- what the rules above are, for PEGTL's analysis ----

namespace tao::pegtl {

template <typename Name, typename Derived>
struct analyze_traits<Name, metac::dsl::grammar::one_token<Derived>> : analyze_any_traits<> {};
template <typename Name>
struct analyze_traits<Name, metac::dsl::grammar::gap> : analyze_opt_traits<> {};
template <typename Name>
struct analyze_traits<Name, metac::dsl::grammar::at_end> : analyze_opt_traits<> {};
template <typename Name, metac::dsl::NodeKind Kind, typename... Rules>
struct analyze_traits<Name, metac::dsl::grammar::node<Kind, Rules...>> : analyze_seq_traits<Rules...> {};
template <typename Name, metac::dsl::grammar::Text What, typename Rule>
struct analyze_traits<Name, metac::dsl::grammar::expect<What, Rule>> : analyze_seq_traits<Rule> {};
template <typename Name, metac::dsl::grammar::Text Open, metac::dsl::grammar::Text Close,
          metac::dsl::grammar::Text Expected, typename Rule>
struct analyze_traits<Name, metac::dsl::grammar::enclosed<Open, Close, Expected, Rule>>
    : analyze_seq_traits<any, Rule> {};
template <typename Name, typename Rule>
struct analyze_traits<Name, metac::dsl::grammar::nested<Rule>> : analyze_seq_traits<Rule> {};
template <typename Name, typename Rule>
struct analyze_traits<Name, metac::dsl::grammar::recovering<Rule>> : analyze_seq_traits<Rule> {};

}  // namespace tao::pegtl

namespace metac::dsl {

std::size_t count_grammar_problems() { return pegtl::analyze<grammar::module>(-1); }

}  // namespace metac::dsl
