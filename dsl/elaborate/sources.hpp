// The task sources there are, and how a `tasks` body draws its examples.
#pragma once

#include "elaborate/elaborator.hpp"

namespace metac::dsl {

SourcePtr episode_source(const data::Dataset&, std::int64_t ways, std::int64_t shots, std::int64_t queries);

// `count` examples, each from a key of its own, side by side: each leaf of what `example()` returns has a further first
// axis.
Value sample(Elaborator&, const Value& example, std::int64_t count, Span);

// Whether a name of a learner's state is a `learn` (else it is a `memory`).
bool is_learned(const Definition&, std::string_view name);

}  // namespace metac::dsl
