// The Language Server Protocol 3.17 over documents in memory: a message of the editor in, the messages for it out.
// Reads and writes nothing by itself, never waits, and keeps no message waiting.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace metac::dsl {

// What the server asks of the disk.
struct ServerFiles {
  std::function<std::optional<std::string>(const std::string& path)> read;
  // The scripts in a folder and below it; perhaps not all, if there are many.
  std::function<std::vector<std::string>(const std::string& folder)> scripts;
};

class Server {
 public:
  Server(ServerFiles, std::string version);
  ~Server();

  // The body of one message, without its header, whatever is in it.
  std::vector<std::string> receive(std::string_view message);
  // The answer to bytes that are no message.
  static std::string refuse_frame(const std::string& reason);
  // Set once the editor said `exit`: 0 where it asked for `shutdown` before, else 1.
  std::optional<int> exit_code() const;

  // ---- elaboration: it takes as long as a script makes it, so the caller says when and where it is done ----

  struct Work {
    std::string path;
    std::uint64_t revision = 0;  // of the document; what was found of an older one is dropped
    bool operator==(const Work&) const = default;
  };
  // What should be elaborated now; nullopt: nothing. Each revision is asked for once.
  std::optional<Work> next_work();
  // Elaborates the script, and gives what was found, or what went wrong, as bytes for elaborated(). Changes nothing,
  // so it may be done by a copy of this process.
  std::string elaborate(const Work&) const;
  std::vector<std::string> elaborated(const Work&, std::string_view found);
  // Nothing was found, for this reason: "that takes too long here".
  std::vector<std::string> gave_up(const Work&, const std::string& reason);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace metac::dsl
