// Open documents, each with its analysis.
#include "editor/documents.hpp"

#include "check/modules.hpp"
#include "editor/uri.hpp"

namespace metac::dsl {

namespace {

// Also where the file could not be read: it may be there now.
bool uses(const Analysis& analysis, const std::string& path) {
  const auto file = analysis.file_of(path);
  if (file && !analysis.is_library(*file)) return true;
  for (const Module& module : analysis.names.modules) {
    for (const auto& statement : module.statements) {
      const auto* use = std::get_if<UseStatement>(&statement->node);
      if (use && resolved_path(use->module, analysis.path(module.file)) == path) return true;
    }
  }
  return false;
}

}  // namespace

void Documents::open(const std::string& path, std::string uri, std::int64_t version, std::string text) {
  Document& document = all_[path];
  document.uri = std::move(uri);
  document.version = version;
  document.text = Text(std::move(text));
}

Document* Documents::find(const std::string& path) {
  const auto found = all_.find(path);
  return found == all_.end() ? nullptr : &found->second;
}

const Document* Documents::find(const std::string& path) const {
  const auto found = all_.find(path);
  return found == all_.end() ? nullptr : &found->second;
}

std::optional<std::string> Documents::read(const std::string& path) const {
  const Document* document = find(path);
  return document ? document->text.all() : read_file_(path);
}

std::string Documents::uri(const std::string& path) const {
  const Document* document = find(path);
  return document ? document->uri : uri_of(path);
}

std::vector<std::string> Documents::refresh(const std::string& path) {
  std::vector<std::string> changed;
  for (auto& [other, document] : all_) {
    if (other != path && !uses(document.analysis, path)) continue;
    analyse_again(other, document);
    changed.push_back(other);
  }
  return changed;
}

void Documents::analyse_again(const std::string& path, Document& document) {
  document.analysis = analyse(path, document.text.all(), reader());
  document.revision = ++revision_;
}

}  // namespace metac::dsl
