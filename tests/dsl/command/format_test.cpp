// `metac fmt` on files: what it rewrites, what it leaves alone, what it says.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "dsl/command/process.hpp"
#include "dsl/data/files.hpp"

namespace metac::dsl::test {
namespace {

namespace fs = std::filesystem;
using data::testing::TemporaryFolder;
using data::testing::write;

const std::string untidy = "let a=1\n\n\n# kept\nlet b  = [a,2]\n", tidy = "let a = 1\n\n# kept\nlet b = [a, 2]\n";
const std::string broken = "let a = (1\n";

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(format)

BOOST_AUTO_TEST_CASE(files_are_rewritten_where_something_changes) {
  const TemporaryFolder folder;
  write(folder / "a.meta", untidy);
  write(folder / "b.meta", tidy);
  const auto before = fs::last_write_time(folder / "b.meta");
  const Finished finished = run_command(folder.path(), {"fmt", "a.meta", "b.meta"});
  BOOST_TEST(finished.code == 0);
  BOOST_TEST(finished.out == "a.meta: formatted\n");
  BOOST_TEST(finished.err == "");
  BOOST_TEST(content_of(folder / "a.meta") == tidy);
  BOOST_TEST((fs::last_write_time(folder / "b.meta") == before));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_as_a_script_is_left_alone_and_the_others_are_done) {
  const TemporaryFolder folder;
  write(folder / "a.meta", broken);
  write(folder / "b.meta", untidy);
  const Finished finished = run_command(folder.path(), {"fmt", "a.meta", "nowhere.meta", "b.meta"});
  BOOST_TEST(finished.code == 1);
  BOOST_TEST(finished.err.find("a.meta:1:11: error: expected `)`") == 0u, finished.err);
  BOOST_TEST(finished.err.find("there is no file `nowhere.meta` [E0001]") != std::string::npos);
  BOOST_TEST(content_of(folder / "a.meta") == broken);
  BOOST_TEST(content_of(folder / "b.meta") == tidy);
}

BOOST_AUTO_TEST_CASE(links_and_permissions_stay) {
  const TemporaryFolder folder;
  write(folder / "a.meta", untidy);
  fs::permissions(folder / "a.meta", fs::perms::owner_all);
  fs::create_symlink("a.meta", folder / "link.meta");
  BOOST_TEST(run_command(folder.path(), {"fmt", "link.meta"}).code == 0);
  BOOST_TEST(fs::is_symlink(folder / "link.meta"));
  BOOST_TEST(content_of(folder / "a.meta") == tidy);
  BOOST_TEST((fs::status(folder / "a.meta").permissions() == fs::perms::owner_all));
}

BOOST_AUTO_TEST_CASE(check_writes_nothing_and_fails_where_something_would_change) {
  const TemporaryFolder folder;
  write(folder / "a.meta", untidy);
  write(folder / "b.meta", tidy);
  const Finished finished = run_command(folder.path(), {"fmt", "--check", "a.meta", "b.meta"});
  BOOST_TEST(finished.code == 1);
  BOOST_TEST(finished.out == "a.meta: not formatted\n");
  BOOST_TEST(content_of(folder / "a.meta") == untidy);
  BOOST_TEST(run_command(folder.path(), {"fmt", "--check", "b.meta"}).code == 0);
}

BOOST_AUTO_TEST_CASE(standard_input_goes_to_standard_output) {
  const TemporaryFolder folder;
  write(folder / "a.meta", untidy);
  write(folder / "broken.meta", broken);
  const Finished finished = run_command(folder.path(), {"fmt", "-"}, {}, folder / "a.meta");
  BOOST_TEST(finished.code == 0);
  BOOST_TEST(finished.out == tidy);
  const Finished refused = run_command(folder.path(), {"fmt", "-"}, {}, folder / "broken.meta");
  BOOST_TEST(refused.code == 1);
  BOOST_TEST(refused.out == "");
  BOOST_TEST(refused.err.find("standard input:1:11: error") == 0u, refused.err);
}

// What `diff -u` would say; here `patch` is asked whether it is a difference at all.
BOOST_AUTO_TEST_CASE(a_difference_leads_from_one_text_to_the_other) {
  std::string many;
  for (int i = 0; i < 40; ++i) many += "let v" + std::to_string(i) + (i % 11 == 0 || i == 38 ? "=1\n" : " = 1\n");
  for (const auto& [text, mark] : std::vector<std::pair<std::string, std::string>>{
           {untidy, "@@ -1,5 +1,4 @@\n-let a=1\n+let a = 1\n \n-\n # kept\n-let b  = [a,2]\n+let b = [a, 2]\n"},
           {"\n\nlet a = 1", "@@ -1,3 +1 @@\n-\n-\n-let a = 1\n\\ No newline at end of file\n+let a = 1\n"},
           {many, "@@ -1,4 +1,4 @@\n-let v0=1\n+let v0 = 1\n"}}) {
    const TemporaryFolder folder;
    write(folder / "a.meta", text);
    const Finished finished = run_command(folder.path(), {"fmt", "--diff", "a.meta"});
    BOOST_TEST(finished.code == 0);
    BOOST_TEST(content_of(folder / "a.meta") == text);
    BOOST_TEST(finished.out.find("--- a.meta\n+++ a.meta (formatted)\n" + mark) == 0u, finished.out);
    BOOST_TEST(run_command(folder.path(), {"fmt", "--diff", "--check", "a.meta"}).code == 1);
    write(folder / "difference", finished.out);
    if (std::system("command -v patch > /dev/null") == 0) {
      const std::string command = "cd '" + folder.path().string() + "' && patch -s a.meta difference";
      BOOST_TEST(std::system(command.c_str()) == 0);
      BOOST_TEST(run_command(folder.path(), {"fmt", "--diff", "--check", "a.meta"}).code == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(files_are_needed) {
  const Finished finished = run_command("/", {"fmt"});
  BOOST_TEST(finished.code == 2);
  BOOST_TEST(finished.err.find("files is required") != std::string::npos, finished.err);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::dsl::test
