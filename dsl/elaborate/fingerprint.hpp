// What a value is, as a number: the same for values that scripts make in other words, other places and on other
// machines. A definition counts by its text, without comments and layout, and by what it uses, as far as that is the
// script's or the library's; data count by what they hold, not by where they lie.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/hash.hpp"
#include "elaborate/elaborator.hpp"

namespace metac::dsl {

class Fingerprint {
 public:
  explicit Fingerprint(Elaborator& self) : self_(self) {}
  void text(std::string_view text) { hash_.text(text); }
  void number(std::int64_t number) { hash_.number(static_cast<std::uint64_t>(number)); }
  void dataset(const data::Dataset&);
  void value(const Value&);
  // A `tasks`, `optimizer`, .. with its arguments.
  void made(const Definition&, const ScopePtr& arguments);

  std::string hex() const;  // eight digits

  // The data sets that the items of a source come from.
  static std::vector<data::Dataset> datasets_of(Elaborator&, const Source&);

 private:
  void real(double);
  void tensor(const Array&);
  void callable(const Callable&);
  void definition(DefinitionKind, Span, const ScopePtr&);
  void used(std::string_view name, std::uint32_t file, const ScopePtr&);

  Elaborator& self_;
  Hash hash_;
  std::vector<data::Dataset>* met_ = nullptr;  // where only the data sets matter: numbers of the rest are not made
  std::set<std::pair<std::uint32_t, std::uint32_t>> seen_;  // where the definitions begin that were added
};

}  // namespace metac::dsl
