// The documents that are open in an editor. What it holds goes before what is on the disk.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "editor/analysis.hpp"
#include "editor/text.hpp"

namespace metac::dsl {

struct Document {
  std::string uri;  // as the editor writes it
  std::int64_t version = 0;
  Text text;
  Analysis analysis;
  std::uint64_t revision = 0;  // grows whenever it, or what it uses, changes
};

class Documents {
 public:
  explicit Documents(ReadText read_file) : read_file_(std::move(read_file)) {}

  void open(const std::string& path, std::string uri, std::int64_t version, std::string text);
  void close(const std::string& path) { all_.erase(path); }
  Document* find(const std::string& path);
  const Document* find(const std::string& path) const;
  const std::map<std::string, Document>& all() const { return all_; }
  // The text of a file changed: analyses it again, if it is open, and what is open and uses it. Gives their paths.
  std::vector<std::string> refresh(const std::string& path);
  std::optional<std::string> read(const std::string& path) const;
  ReadText reader() const {
    return [this](const std::string& path) { return read(path); };
  }
  std::string uri(const std::string& path) const;  // as the editor writes it, where it is known

 private:
  void analyse_again(const std::string& path, Document&);

  ReadText read_file_;
  std::map<std::string, Document> all_;  // by path
  std::uint64_t revision_ = 0;
};

}  // namespace metac::dsl
