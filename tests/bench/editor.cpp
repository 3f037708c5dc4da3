// How long an editor waits: one character typed into a script of 1,000 lines until its diagnostics are there, and the
// other questions that are asked while one types.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "editor/server.hpp"

namespace {

using metac::dsl::Server;
using nlohmann::json;

// Definitions as people write them: a learner, a model, an experiment, over and over.
std::string script(int lines) {
  std::string text;
  int count = 0, written = 0;
  while (written < lines) {
    const std::string n = std::to_string(count++);
    const std::string part = "# Learns number " + n + ".\nlearner guess" + n + R"((net, rate = 0.01, steps = 1) {
  learn theta = init(net)
  fn adapt(support, updates = steps) {
    var w = theta
    for _ in 1..updates {
      let g = grad(w) { mse(net(w, support.x), support.y) }
      w = w - rate * g
    }
    return w
  }
  fn objective(task) = mse(net(adapt(task.support), task.query.x), task.query.y)
  fn predict(task, x, updates = steps) = net(adapt(task.support, updates), x)
}

model net)" + n + R"((width = 40)(x) = x |> linear(width) |> relu |> linear(1) as head

experiment run)" + n + "(iterations = 100) {\n  let mine = guess" +
                             n + "(net" + n + R"((), rate: 0.1)
  train mine on sinusoids() { iterations: iterations, batch: 4, optimizer: adam(1e-3) }
  evaluate mine on sinusoids(shots: 5) { tasks: 10, with: (updates: [0, 1]), metrics: [mse] }
}

)";
    text += part;
    written += static_cast<int>(std::count(part.begin(), part.end(), '\n'));
  }
  return text;
}

std::string request(const char* method, const json& parameters) {
  return json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", parameters}}.dump();
}

std::string notification(const char* method, const json& parameters) {
  return json{{"jsonrpc", "2.0"}, {"method", method}, {"params", parameters}}.dump();
}

void measure(const char* what, const std::function<void(int)>& work) {
  constexpr int repetitions = 50;
  std::vector<double> times;
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work(i);
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  std::printf("  %-12s least %7.2f   median %7.2f   most %7.2f\n", what, times.front(), times[times.size() / 2],
              times.back());
}

void measure_lines(int lines) {
  const std::string text = script(lines);
  const json document{{"uri", "file:///bench.meta"}};
  Server server(
      {[](const std::string&) { return std::nullopt; }, [](const std::string&) { return std::vector<std::string>(); }},
      "");
  server.receive(request("initialize", {{"capabilities", json::object()}}));
  server.receive(notification("textDocument/didOpen",
                              {{"textDocument", {{"uri", document["uri"]}, {"version", 1}, {"text", text}}}}));
  const int middle = static_cast<int>(std::count(text.begin(), text.end(), '\n')) / 2;
  std::printf("%d lines, milliseconds:\n", static_cast<int>(std::count(text.begin(), text.end(), '\n')));
  measure("edit", [&](int i) {
    const json place{{"line", middle}, {"character", 0}};
    server.receive(
        notification("textDocument/didChange",
                     {{"textDocument", {{"uri", document["uri"]}, {"version", i + 2}}},
                      {"contentChanges", {{{"range", {{"start", place}, {"end", place}}}, {"text", " "}}}}}));
  });
  const json at{{"textDocument", document}, {"position", {{"line", 4}, {"character", 8}}}};
  for (const char* method : {"hover", "completion", "documentSymbol", "formatting"})
    measure(method, [&](int) { server.receive(request((std::string("textDocument/") + method).c_str(), at)); });
  json rename = at;
  rename["newName"] = "weights_of_task";
  measure("rename", [&](int) { server.receive(request("textDocument/rename", rename)); });
}

}  // namespace

int main() {
  for (const int lines : {1, 1'000, 2'000, 4'000}) measure_lines(lines);
}
