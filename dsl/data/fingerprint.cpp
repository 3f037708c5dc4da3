// What a set gives out, and what its origin stores, as numbers.
#include "base/hash.hpp"
#include "data/content.hpp"

namespace metac::data {
namespace {

void add(Hash& hash, const Array& array) {
  hash.text(to_string(array.type()));
  hash.bytes(array.data(), array.bytes());
}

template <class T>
void add(Hash& hash, const std::vector<T>& numbers) {
  hash.number(numbers.size());
  hash.bytes(numbers.data(), numbers.size() * sizeof(T));
}

}  // namespace

std::uint64_t Storage::fingerprint() const {
  if (const auto known = hash.value.load(); known != 0) return known;
  Hash content;
  content.text(to_string(example));
  content.number(static_cast<std::uint64_t>(rows));
  if (has_bytes())
    content.bytes(bytes.data(), bytes.size());
  else
    add(content, values);
  if (targets) add(content, *targets);
  for (const auto& word : words) content.text(word);
  hash.value = content.value();
  return content.value();
}

std::uint64_t Dataset::content() const { return content_->storage->fingerprint(); }

std::uint64_t Dataset::fingerprint() const {
  if (const auto known = content_->hash.value.load(); known != 0) return known;
  Hash hash;
  hash.number(content_->storage->fingerprint());
  add(hash, content_->rows->sources);
  add(hash, content_->rows->quarters);
  add(hash, content_->rows->labels);
  hash.number(static_cast<std::uint64_t>(class_count()));
  for (const auto& transform : content_->transforms) hash.text(transform->name);
  content_->hash.value = hash.value();
  return hash.value();
}

}  // namespace metac::data
