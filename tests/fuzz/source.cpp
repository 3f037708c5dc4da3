// A libFuzzer target for source text: whatever the bytes, reading, formatting, printing and checking them ends, keeps
// what it promises, and says what is wrong in words that can be shown.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "check/check.hpp"
#include "dsl/syntax/dump.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {

namespace {

[[noreturn]] void broken(const char* promise, const std::string& text) {
  std::fprintf(stderr, "broken: %s\n%s\n", promise, text.c_str());
  std::abort();
}

void show(const Report& report, const Sources& sources) {
  for (const Diagnostic& diagnostic : report.all()) {
    if (render(diagnostic, sources).empty()) broken("a diagnostic has words", diagnostic.code);
    if (render_json(diagnostic, sources).empty()) broken("a diagnostic has data", diagnostic.code);
  }
}

struct Read {
  Sources sources;
  Report report;
  Module module;
  explicit Read(std::string text) {
    const std::uint32_t file = sources.add("fuzz.meta", std::move(text));
    module = parse(sources, file, report);
  }
};

// One line made from the tree alone is the same expression.
void print_values(const Module& module) {
  for (const auto& statement : module.statements) {
    const auto* let = std::get_if<LetStatement>(&statement->node);
    if (!let) continue;
    const std::string line = print(*let->value);
    const Read again("let _ = " + line);
    if (again.report.has_errors() || again.module.statements.size() != 1) broken("a printed value can be read", line);
    const auto* read = std::get_if<LetStatement>(&again.module.statements.front()->node);
    if (!read || dump(*read->value) != dump(*let->value)) broken("a printed value is the same", line);
  }
}

void format(const Read& read) {
  const std::string once = print(read.module, read.sources);
  if (read.report.has_errors()) return;  // it only must not crash
  const Read again(once);
  if (again.report.has_errors()) broken("what is formatted can be read", once);
  if (dump(again.module) != dump(read.module)) broken("formatting keeps the tree", once);
  if (print(again.module, again.sources) != once) broken("formatting twice is formatting once", once);
  print_values(read.module);
}

// The checker with a library of a few definitions of every kind: their names can be met by chance, and it is read at once.
constexpr std::string_view small_library = R"(
fn relu(x) = max(x, 0)
fn normal(mean = 0, deviation = 1)(shape) = mean + deviation * draw_normal(shape)
model linear(out)(x) {
  param weight[x.shape[-1], out] ~ normal(0, 0.1)
  return x @ weight
}
tasks sinusoids(shots = 10) { support = shots }
learner maml(net, steps = 1) {
  learn theta = init(net)
  fn objective(task) = net(theta, task.x)
}
optimizer sgd(lr) { fn update(weights, gradient) = weights - lr * gradient }
)";

void look_for_mistakes(const std::string& text) {
  const LibraryFile library{"library.meta", small_library};
  const auto sources = std::make_shared<Sources>();
  const std::uint32_t script = sources->add("fuzz.meta", text);
  Report report;
  const ModuleLoader one_file = [](const std::string& path, const std::string&) -> std::optional<std::string> {
    if (path != "other.meta") return std::nullopt;
    return "fn other(x) = x + shared\nlet shared = 3\n";
  };
  const auto program = check(sources, script, one_file, report, {&library, 1});
  if ((program == nullptr) != report.has_errors()) broken("there is a program, or an error", text);
  show(report, *sources);
}

}  // namespace

}  // namespace metac::dsl

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const metac::dsl::Read read(text);
  metac::dsl::show(read.report, read.sources);
  metac::dsl::format(read);
  metac::dsl::look_for_mistakes(text);
  return 0;
}
