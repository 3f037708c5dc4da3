// What shapes, arrays and their memory refuse: sizes that cannot be counted, negative ones, memory that nobody has.
#include "base/array.hpp"

#include <boost/test/unit_test.hpp>

#include "base/memory.hpp"

namespace metac {

namespace {

constexpr std::int64_t huge = std::int64_t{1} << 40;

}  // namespace

BOOST_AUTO_TEST_SUITE(sizes)

BOOST_AUTO_TEST_CASE(elements_that_cannot_be_counted_in_bytes_are_refused) {
  BOOST_TEST(Shape{most_elements}.elements() == most_elements);
  BOOST_TEST((Type{Dtype::f64, {most_elements}}.bytes() / 8 == static_cast<std::size_t>(most_elements)));
  BOOST_CHECK_THROW(Shape{most_elements + 1}.elements(), Error);
  BOOST_CHECK_THROW((Type{Dtype::f32, {huge, huge}}.bytes()), Error);
  BOOST_CHECK_THROW(Array(Type{Dtype::boolean, {std::int64_t{1} << 62}}), Error);
}

BOOST_AUTO_TEST_CASE(a_size_of_zero_hides_no_others_wherever_it_stands) {
  BOOST_TEST((Shape{0, huge}.elements() == 0));
  BOOST_TEST((Shape{huge, 0}.elements() == 0));
  for (const Shape& shape : {Shape{0, huge, huge}, Shape{huge, 0, huge}, Shape{huge, huge, 0}})
    BOOST_CHECK_THROW(shape.elements(), Error);
}

BOOST_AUTO_TEST_CASE(an_array_is_seen_only_with_as_many_elements_and_no_negative_size) {
  const Array array(Type{Dtype::f32, {6}});
  BOOST_TEST((array.reshaped({2, 3}).shape() == Shape{2, 3}));
  BOOST_TEST(array.reshaped({2, 3}).data() == array.data());
  BOOST_CHECK_THROW(array.reshaped({2, 2}), Error);
  BOOST_CHECK_THROW(array.reshaped({-2, -3}), Error);
  BOOST_CHECK_THROW(Array(Type{Dtype::f32, {-1}}), Error);
}

BOOST_AUTO_TEST_CASE(memory_that_cannot_be_had_is_refused_and_not_counted) {
  const std::size_t before = memory_in_use();
  for (const std::size_t bytes : {most_bytes, most_bytes + 1, ~std::size_t{0}, ~std::size_t{0} - memory_alignment})
    BOOST_CHECK_THROW(allocate(bytes), OutOfMemory);
  BOOST_TEST(memory_in_use() == before);
}

BOOST_AUTO_TEST_CASE(pieces_of_memory_begin_at_the_alignment) {
  BOOST_TEST(round_up_to_alignment(0) == 0u);
  BOOST_TEST(round_up_to_alignment(1) == memory_alignment);
  BOOST_TEST(round_up_to_alignment(memory_alignment) == memory_alignment);
  BOOST_TEST(round_up_to_alignment(memory_alignment + 1) == 2 * memory_alignment);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac
