// Few-shot episodes: which rows each one takes is a function of the key and the number of the episode alone.
#include "data/episodes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace metac::data {

namespace {

constexpr std::int64_t most_examples = std::int64_t{1} << 24;  // of one episode: more is a mistake in the script

// The uses of the key of an episode.
constexpr std::uint32_t for_classes = 0, for_support_order = 1, for_query_order = 2, for_examples = 3;
constexpr std::uint32_t for_transforms = ~0u;

}  // namespace

// The rows of one episode, in the order they are given out.
struct EpisodeSource::Rows {
  std::vector<std::int32_t> classes;
  std::vector<std::uint32_t> support, query;
  std::vector<std::int32_t> support_labels, query_labels;
};

EpisodeSource::EpisodeSource(Dataset dataset, std::int64_t ways, std::int64_t shots, std::int64_t queries)
    : dataset_(std::move(dataset)), ways_(ways), shots_(shots), queries_(queries) {
  const auto& name = dataset_.name();
  if (!dataset_.labelled()) throw Error(fmt::format("episodes: {} has no classes to draw", name));
  if (ways < 1) throw Error(fmt::format("episodes: ways must be at least 1, {} was given", ways));
  if (shots < 1) throw Error(fmt::format("episodes: shots must be at least 1, {} was given", shots));
  if (queries < 0) throw Error(fmt::format("episodes: queries must be at least 0, {} was given", queries));
  for (std::int64_t cls = 0; cls < dataset_.class_count(); ++cls)
    if (!dataset_.rows_of(cls).empty()) classes_.push_back(static_cast<std::int32_t>(cls));
  const auto classes = static_cast<std::int64_t>(classes_.size());
  if (ways > classes)
    throw Error(fmt::format("episodes: {} ways need as many classes, {} has {}", ways, name, classes));

  const auto smallest = *std::min_element(classes_.begin(), classes_.end(), [&](auto a, auto b) {
    return dataset_.rows_of(a).size() < dataset_.rows_of(b).size();
  });
  const auto there = static_cast<std::int64_t>(dataset_.rows_of(smallest).size());
  if (shots > there || queries > there - shots)
    throw Error(fmt::format("episodes: {} shots and {} queries need {} examples a class, the class {} of {} has {}",
                            shots, queries, static_cast<double>(shots) + static_cast<double>(queries),
                            dataset_.classes().names[static_cast<std::size_t>(smallest)], name, there));
  if (ways * (shots + queries) > most_examples)
    throw Error(
        fmt::format("episodes: {} examples in one episode; the most are {}", ways * (shots + queries), most_examples));
}

void EpisodeSource::draw(Key key, Rows& rows) const {
  const auto ways = static_cast<std::uint32_t>(ways_), shots = static_cast<std::uint32_t>(shots_);
  const auto queries = static_cast<std::uint32_t>(queries_);
  const auto drawn = choice(fold_in(key, for_classes), static_cast<std::uint32_t>(classes_.size()), ways);
  const auto support_order = permutation(fold_in(key, for_support_order), ways * shots);
  const auto query_order = permutation(fold_in(key, for_query_order), ways * queries);
  rows.classes.resize(ways);
  rows.support.resize(support_order.size());
  rows.support_labels.resize(support_order.size());
  rows.query.resize(query_order.size());
  rows.query_labels.resize(query_order.size());
  for (std::uint32_t way = 0; way < ways; ++way) {
    const auto label = static_cast<std::int32_t>(way);
    rows.classes[way] = classes_[drawn[way]];
    const auto of_class = dataset_.rows_of(rows.classes[way]);
    const auto examples =
        choice(fold_in(key, for_examples + way), static_cast<std::uint32_t>(of_class.size()), shots + queries);
    for (std::uint32_t i = 0; i < shots; ++i) {
      const auto place = support_order[way * shots + i];
      rows.support[place] = of_class[examples[i]];
      rows.support_labels[place] = label;
    }
    for (std::uint32_t i = 0; i < queries; ++i) {
      const auto place = query_order[way * queries + i];
      rows.query[place] = of_class[examples[shots + i]];
      rows.query_labels[place] = label;
    }
  }
}

Episodes EpisodeSource::allocate_for(std::int64_t count) const {
  const auto examples = [&](std::int64_t each) {
    return Array(Type{dataset_.x_dtype(), dataset_.example_shape().with_front(each).with_front(count)});
  };
  const auto labels = [&](std::int64_t each) { return Array(Type{Dtype::i32, Shape{count, each}}); };
  return {examples(ways_ * shots_), labels(ways_ * shots_), examples(ways_ * queries_), labels(ways_ * queries_),
          labels(ways_)};
}

void EpisodeSource::check_types(const Episodes& episodes) const {
  const auto check = [](const char* what, const Array& given, const Type& needed) {
    if (!(given.type() == needed))
      throw Error(fmt::format("episodes: {} of type {} were given for episodes of type {}", what,
                              to_string(given.type()), to_string(needed)));
  };
  const std::int64_t count = episodes.classes.shape().empty() ? 0 : episodes.classes.shape()[0];
  const auto examples = [&](std::int64_t each) {
    return Type{dataset_.x_dtype(), dataset_.example_shape().with_front(each).with_front(count)};
  };
  const auto labels = [&](std::int64_t each) { return Type{Dtype::i32, Shape{count, each}}; };
  check("classes", episodes.classes, labels(ways_));
  check("support examples", episodes.support_x, examples(ways_ * shots_));
  check("support labels", episodes.support_y, labels(ways_ * shots_));
  check("query examples", episodes.query_x, examples(ways_ * queries_));
  check("query labels", episodes.query_y, labels(ways_ * queries_));
}

Episodes EpisodeSource::sample(Key key, std::int64_t first, std::int64_t count) const {
  if (count < 1) throw Error(fmt::format("episodes: at least 1 must be drawn, {} was given", count));
  Episodes episodes = allocate_for(count);
  sample_into(key, first, episodes);
  return episodes;
}

void EpisodeSource::sample_into(Key key, std::int64_t first, Episodes& episodes) const {
  if (first < 0) throw Error(fmt::format("episodes: there is no episode {}", first));
  check_types(episodes);
  const auto support = ways_ * shots_, query = ways_ * queries_;
  const std::int64_t count = episodes.classes.shape()[0];
  const auto support_y = episodes.support_y.as<std::int32_t>(), query_y = episodes.query_y.as<std::int32_t>();
  const auto classes = episodes.classes.as<std::int32_t>();
  Rows rows;
  for (std::int64_t i = 0; i < count; ++i) {
    const Key of_episode = fold_in_wide(key, static_cast<std::uint64_t>(first + i));
    const Key of_transforms = fold_in(of_episode, for_transforms);
    draw(of_episode, rows);
    dataset_.copy_x(rows.support, of_transforms, episodes.support_x.row(i).data());
    dataset_.copy_x(rows.query, of_transforms, episodes.query_x.row(i).data());
    std::copy(rows.support_labels.begin(), rows.support_labels.end(), support_y.begin() + i * support);
    std::copy(rows.query_labels.begin(), rows.query_labels.end(), query_y.begin() + i * query);
    std::copy(rows.classes.begin(), rows.classes.end(), classes.begin() + i * ways_);
  }
}

}  // namespace metac::data
