// The canonical form: what the formatter writes for the choices that it has, and that it is a form: formatting again
// changes nothing, and the tree stays. On scripts of every kind.
#include <boost/test/unit_test.hpp>

#include "dsl/syntax/reading.hpp"

using namespace metac::dsl;

BOOST_AUTO_TEST_SUITE(format)

namespace {

// The lines of a `.meta` file in the repository's folder.
std::vector<std::filesystem::path> scripts_in(const char* folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(METAC_SOURCE_DIR "/" + std::string(folder)))
    if (entry.path().extension() == ".meta") paths.push_back(entry.path());
  return paths;
}

std::string formatted(const std::string& text) {
  const Reading reading(text);
  BOOST_TEST(reading.messages() == "");
  const std::string once = reading.printed();
  const Reading again(once);
  BOOST_TEST(again.tree() == reading.tree(), "another tree:\n" << once);
  BOOST_TEST(again.printed() == once, "not idempotent:\n" << once << "\nthen:\n" << again.printed());
  return once;
}

void check(const std::string& text, const std::string& expected) {
  BOOST_TEST(formatted(text) == expected, "found:\n" << formatted(text) << "\nexpected:\n" << expected);
  formatted(expected);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_library_and_the_examples_are_formatted) {
  for (const char* folder : {"stdlib", "examples"})
    for (const auto& path : scripts_in(folder))
      BOOST_TEST(formatted(read_text(path)) == read_text(path), path << " is not: metac fmt --diff " << path);
}

BOOST_AUTO_TEST_CASE(every_script_of_the_tests_that_can_be_read_has_a_form) {
  int read = 0;
  for (const auto& path : scripts_in("tests")) {
    const std::string text = read_text(path);
    if (Reading(text).report.has_errors()) continue;
    BOOST_TEST_CONTEXT(path) { formatted(text); }
    ++read;
  }
  BOOST_TEST(read > 300);
}

BOOST_AUTO_TEST_CASE(what_goes_on_in_a_bracket_stands_below_its_first_item) {
  check("let x = f(a,\n  b,\nc)\n", "let x = f(a,\n          b,\n          c)\n");
  check("let x = f(\na,\n      b)\n", "let x = f(\n  a,\n  b)\n");
  check("let x = f(\n  a\n    )\n", "let x = f(\n  a\n)\n");
  check("let x = [\"é\", f(1,\n 2)]\n", "let x = [\"é\", f(1,\n                2)]\n");
  check("fn f(a,\n  b) {\n      return a\n    }\n", "fn f(a,\n     b) {\n  return a\n}\n");
  check("fn f(x) = map(fn (a) {\nlet b = a\nreturn b\n}, x)\n",
        "fn f(x) = map(fn (a) {\n  let b = a\n  return b\n}, x)\n");
}

BOOST_AUTO_TEST_CASE(comments_in_one_column_stay_in_one) {
  check("let a = 1        # one\nlet bcd = 2      # two\nlet e   = 3      # three\n",
        "let a = 1    # one\nlet bcd = 2  # two\nlet e = 3    # three\n");
  check("let a = 1   # one\nlet bcd = 2     # two\n", "let a = 1  # one\nlet bcd = 2  # two\n");
  check("let a = 1      # one\n\nlet bcd = 2    # two\n", "let a = 1  # one\n\nlet bcd = 2  # two\n");
  check("let a = \"é\"    # one\nlet bc = \"e\"   # two\n", "let a = \"é\"   # one\nlet bc = \"e\"  # two\n");
}

BOOST_AUTO_TEST_CASE(a_table_of_numbers_stays_a_table) {
  const std::string table = "let weights = [\n  [ 1,  2.5, -1],\n  [10, -3,   20],\n]\n";
  check(table, table);
  check("let weights = [[ 1,  2],\n      [10,  3]]\n", "let weights = [[ 1,  2],\n               [10,  3]]\n");
  check("let one_line = [ 1,  2]\n", "let one_line = [1, 2]\n");
  check("let x = f(1,   2,\n 3)\n", "let x = f(1, 2,\n          3)\n");
}

// Found by the fuzzer: the comment documents what stands below it only where it begins its line.
BOOST_AUTO_TEST_CASE(empty_statements_before_a_comment_are_nothing) {
  check(";# one\nfn f(x) = x\n", "# one\nfn f(x) = x\n");
  check("let a = 1\n; ;# one\nfn f(x) = x\n", "let a = 1\n# one\nfn f(x) = x\n");
  check("# one\n;# two\n; fn f(x) = x\n", "# one\n# two\nfn f(x) = x\n");
  check("let a = 1;# one\nfn f(x) = x\n", "let a = 1  # one\nfn f(x) = x\n");
}

BOOST_AUTO_TEST_CASE(slices_between_operations_have_blanks) {
  check("let a = x[i:i+1, a : b, n-1:, f(a):b[1:2]]\n", "let a = x[i : i + 1, a:b, n - 1:, f(a):b[1:2]]\n");
}

BOOST_AUTO_TEST_SUITE_END()
