// Scripts run through the driver, with an observer that keeps everything.
#include "dsl/elaborate/reading.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdlib>
#include <regex>

#include "report/report.hpp"

namespace metac::dsl::test {
namespace {

class Keeper : public Observer {
 public:
  explicit Keeper(Ran& ran) : ran_(ran) {}
  void printed(const std::string& line) override { ran_.printed.push_back(line); }
  void evaluated(const EvaluationResult& result) override { ran_.results.push_back(result); }
  void trained(const std::string&, const TrainState& state, double, const std::string&) override {
    ran_.states.push_back(state.copy());
  }

 private:
  Ran& ran_;
};

}  // namespace

Ran run_text(const std::string& text, std::uint64_t seed, int threads) {
  Ran ran;
  Report report;
  const Script script = Script::from_text("script.meta", text, report);
  Options options;
  options.seed = seed;
  options.threads = threads;
  Keeper keeper(ran);
  if (script.valid()) ran.outcome = run(script, options, keeper, report);
  for (const auto& diagnostic : report.all()) ran.said += render(diagnostic, script.sources());
  return ran;
}

std::vector<std::string> printed(const std::string& body, const std::string& definitions, std::uint64_t seed) {
  const Ran ran = run_text(definitions + "\nexperiment test {\n" + body + "\n}\n", seed);
  BOOST_REQUIRE_MESSAGE(ran.outcome == Outcome::done, "the script says:\n" << ran.said);
  return ran.printed;
}

std::vector<double> numbers(const std::string& body, const std::string& definitions, std::uint64_t seed) {
  std::vector<double> result;
  for (std::string line : printed(body, definitions, seed)) {
    line = std::regex_replace(std::regex_replace(line, std::regex("\\btrue\\b"), "1"), std::regex("\\bfalse\\b"), "0");
    for (const char* at = line.c_str(); *at != '\0';) {
      char* end = nullptr;
      const double value = std::strtod(at, &end);
      if (end == at) {
        ++at;
        continue;
      }
      result.push_back(value);
      at = end;
    }
  }
  return result;
}

void check_numbers(const std::string& body, const std::vector<double>& expected, const std::string& definitions) {
  const auto found = numbers(body, definitions);
  BOOST_REQUIRE_MESSAGE(found.size() == expected.size(), body << " prints " << found.size() << " numbers");
  for (std::size_t i = 0; i < found.size(); ++i)
    BOOST_TEST(std::abs(found[i] - expected[i]) <= 1e-5 * (1 + std::abs(expected[i])),
               body << " prints " << found[i] << ", not " << expected[i]);
}

}  // namespace metac::dsl::test
