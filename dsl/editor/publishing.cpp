// Diagnostics in the form of the protocol: labels and notes with a place are related information, the rest is text.
#include <algorithm>

#include "editor/protocol.hpp"

namespace metac::dsl {

namespace {

class Publisher {
 public:
  Publisher(const Sources& sources, const std::string& document, const Documents& documents, const Agreement& agreement)
      : sources_(sources),
        document_(document),
        documents_(documents),
        agreement_(agreement),
        ranges_(sources, agreement.encoding) {}

  void add(const Diagnostic& diagnostic, Findings& all) {
    const bool placed = diagnostic.span.file < static_cast<std::uint32_t>(sources_.size());
    const Span span = placed ? diagnostic.span : Span{0, 0, 0};
    Json made{{"range", ranges_.range(span)},
              {"severity", diagnostic.severity == Severity::error ? 1 : 2},
              {"code", diagnostic.code},
              {"source", "metac"}};
    std::string message = diagnostic.message;
    Json related = Json::array();
    const auto tell = [&](const std::string& text, const Span* place) {
      if (text.empty()) return;
      if (agreement_.related_information && place)
        related.push_back({{"location", location(*place)}, {"message", text}});
      else
        message += "\n" + text;
    };
    tell(diagnostic.label, &span);
    for (const Label& each : diagnostic.labels) tell(each.text, &each.span);
    for (const Note& each : diagnostic.notes) tell("note: " + each.message, each.has_span ? &each.span : nullptr);
    if (!diagnostic.hint.empty()) message += "\nhint: " + diagnostic.hint;
    made["message"] = std::move(message);
    if (!related.empty()) made["relatedInformation"] = std::move(related);
    if (diagnostic.code == "W0201") made["tags"] = {1};  // unnecessary: shown faded
    all[placed ? sources_.name(span.file) : document_].push_back(std::move(made));
  }

 private:
  Json location(Span span) {
    return {{"uri", documents_.uri(sources_.name(span.file))}, {"range", ranges_.range(span)}};
  }

  const Sources& sources_;
  const std::string& document_;
  const Documents& documents_;
  const Agreement& agreement_;
  Ranges ranges_;
};

}  // namespace

Findings findings(const Report& report, const Sources& sources, const std::string& document, const Documents& documents,
                  const Agreement& agreement) {
  Findings all;
  all[document];  // that nothing is wrong with it is worth saying, too
  Publisher publisher(sources, document, documents, agreement);
  for (const Diagnostic& each : report.all()) publisher.add(each, all);
  return all;
}

}  // namespace metac::dsl
