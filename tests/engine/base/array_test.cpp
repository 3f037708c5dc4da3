// Arrays and views of the host: what they share, what they check, and sizes that are too large.
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/memory.hpp"
#include "base/view.hpp"

using namespace metac;

namespace {

auto says(const std::string& text) {
  return [text](const Error& error) {
    BOOST_TEST_INFO(error.what());
    return std::string(error.what()) == text;
  };
}

// Bytes of this process: of its addresses, and of those that the system holds in memory.
struct Footprint {
  std::size_t addresses = 0, resident = 0;
};
Footprint footprint() {
  Footprint pages;
  std::ifstream("/proc/self/statm") >> pages.addresses >> pages.resident;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return {pages.addresses * page, pages.resident * page};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(arrays)

BOOST_AUTO_TEST_CASE(copies_share_memory_and_clones_do_not) {
  Array a = Array::from<float>({2, 2}, std::vector<float>{1, 2, 3, 4});
  Array shared = a, own = a.clone();
  a.as<float>()[3] = 7;
  BOOST_TEST(shared.at(3) == 7);
  BOOST_TEST(own.at(3) == 4);
  BOOST_TEST(a.row(1).at(1) == 7);
  BOOST_TEST(a.reshaped({4}).at(3) == 7);
}

BOOST_AUTO_TEST_CASE(say_what_was_asked_and_what_there_is) {
  const Array a(Type{Dtype::f32, {2, 3}});
  BOOST_CHECK_EXCEPTION(a.as<double>(), Error, says("an array of f32 was read as f64"));
  BOOST_CHECK_EXCEPTION(a.at(6), Error, says("element 6 of f32[2, 3] was asked for: it has 6"));
  BOOST_CHECK_EXCEPTION(a.at(-1), Error, says("element -1 of f32[2, 3] was asked for: it has 6"));
  BOOST_CHECK_EXCEPTION(a.row(2), Error, says("row 2 of f32[2, 3] was asked for: it has 2"));
  BOOST_CHECK_EXCEPTION(Array::scalar(1.0).row(0), Error, says("row 0 of f64[] was asked for: it has no axis"));
  BOOST_CHECK_EXCEPTION(a.reshaped({4}), Error,
                        says("an array of shape [2, 3] cannot be seen as [4]: 6 elements, 4 are needed"));
  BOOST_CHECK_EXCEPTION(Array::from<float>({3}, std::vector<float>{1}), Error,
                        says("an array of shape [3] needs 3 values, 1 were given"));
  BOOST_CHECK_THROW(Array(Type{Dtype::f32, {2, -1}}), Error);
  BOOST_CHECK_THROW(Shape({1, 1, 1, 1, 1, 1, 1, 1, 1}), Error);
}

// No product of sizes, and no count of bytes, ever wraps round to a small number.
BOOST_AUTO_TEST_CASE(of_too_many_elements_are_refused) {
  const std::int64_t large = std::int64_t{1} << 61;
  for (const Shape& shape : {Shape{large}, Shape{large, 4}, Shape{large, 8, 8}, Shape{most_elements + 1}}) {
    BOOST_CHECK_THROW(shape.elements(), Error);
    for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::boolean})
      BOOST_CHECK_THROW(Array(Type{dtype, shape}), Error);
  }
  BOOST_CHECK_THROW(Array(Type{Dtype::f64, {most_elements}}), OutOfMemory);
  BOOST_CHECK_THROW(allocate(~std::size_t{0}), OutOfMemory);
}

BOOST_AUTO_TEST_CASE(beyond_the_limit_are_refused_and_nothing_is_lost) {
  const std::size_t before = memory_in_use();
  set_memory_limit(before + 4096);
  BOOST_CHECK_EXCEPTION(Array(Type{Dtype::f32, {2048}}), OutOfMemory, [](const OutOfMemory& error) {
    return std::string(error.what()).find("over the limit of") != std::string::npos;
  });
  BOOST_TEST(memory_in_use() == before);
  { const Array fits(Type{Dtype::f32, {512}}); }
  set_memory_limit(0);
  BOOST_TEST(memory_in_use() == before);
}

// What grows in a container is in the account, too, and is given back.
BOOST_AUTO_TEST_CASE(counted_vectors_are_in_the_account) {
  const std::size_t before = memory_in_use(), count = std::size_t{1} << 20;
  {
    std::vector<std::int32_t, CountedAllocator<std::int32_t>> numbers(count, 5);
    BOOST_TEST(memory_in_use() == before + 4 * count);
    numbers.resize(3 * count);
    BOOST_TEST(memory_in_use() == before + 12 * count);
    BOOST_TEST(numbers[count - 1] == 5);
    set_memory_limit(memory_in_use() + 4 * count);
    BOOST_CHECK_THROW(numbers.resize(4 * count), OutOfMemory);  // the old and the new are there at once
    set_memory_limit(0);
    BOOST_TEST(numbers.size() == 3 * count);
    BOOST_CHECK_THROW(CountedAllocator<std::int32_t>().allocate(SIZE_MAX / 2), OutOfMemory);
  }
  BOOST_TEST(memory_in_use() == before);
}

#ifndef __SANITIZE_ADDRESS__  // its own allocator gives the blocks then
// A rehearsal makes arrays that only stand for their size.
BOOST_AUTO_TEST_CASE(that_nobody_touches_take_no_pages_of_the_system) {
  const Type large{Dtype::f32, {std::int64_t{1} << 22}};
  for (int turn = 0; turn < 2; ++turn) Array earlier(large);  // what was freed must not be cleared and used again
  const std::size_t before = footprint().resident;
  const Array first(large), second(large);
  BOOST_TEST(footprint().resident < before + first.bytes() / 4);
  BOOST_TEST(second.as<float>().back() == 0);
}

// The pages of one step's results are there for those of the next; arrays of zeros are never made of them.
BOOST_AUTO_TEST_CASE(of_results_use_large_blocks_again) {
  const std::size_t before = memory_in_use(), bytes = std::size_t{3} << 20;
  const std::byte* place = nullptr;
  {
    const auto result = allocate_for_result(bytes);
    place = result.get();
    std::memset(result.get(), 7, bytes);
    BOOST_TEST(memory_in_use() >= before + bytes);
  }
  BOOST_TEST(memory_in_use() == before);
  const Array zeros(Type{Dtype::f32, {static_cast<std::int64_t>(bytes / 4)}});
  BOOST_TEST(zeros.as<float>().front() == 0);
  BOOST_TEST(zeros.as<float>().back() == 0);
  const auto again = allocate_for_result(bytes);
  BOOST_TEST(again.get() == place);
  BOOST_TEST((*again == std::byte{7}));  // new pages at the same place would be zeros
  BOOST_TEST((allocate_for_result(bytes).get() != place));
}

// Where the system has no more, they go back to it before anything is refused.
BOOST_AUTO_TEST_CASE(blocks_that_are_kept_for_results_are_no_reason_to_refuse) {
  const std::size_t bytes = std::size_t{20} << 20;
  *allocate_for_result(bytes) = std::byte{7};  // is kept from here on
  rlimit before;
  BOOST_REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
  const rlimit tight{footprint().addresses + bytes / 2, before.rlim_max};
  BOOST_REQUIRE(setrlimit(RLIMIT_AS, &tight) == 0);
  std::shared_ptr<std::byte> other;
  BOOST_CHECK_NO_THROW(other = allocate(bytes + (std::size_t{1} << 20)));
  BOOST_CHECK_THROW(allocate(2 * bytes), OutOfMemory);
  BOOST_REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
}

// What was freed long ago makes room for what is freed now.
BOOST_AUTO_TEST_CASE(of_results_use_the_latest_blocks_again) {
  for (std::size_t mib = 1; mib < 16; ++mib) allocate_for_result(mib << 20);
  const std::size_t bytes = std::size_t{17} << 20;
  *allocate_for_result(bytes) = std::byte{7};
  BOOST_TEST((*allocate_for_result(bytes) == std::byte{7}));  // new pages would be zeros
}
#endif

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(views)

BOOST_AUTO_TEST_CASE(are_the_memory_that_was_given) {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const ArrayView all = values, matrix(values, {2, 3}), strided(values.data(), {2, 3}, {3, 1});
  BOOST_TEST(to_string(all.type()) == "f32[6]");
  BOOST_TEST(to_string(matrix.type()) == "f32[2, 3]");
  for (const ArrayView& view : {all, matrix, strided}) BOOST_TEST(view.data() == values.data());
  std::array<double, 2> numbers{};
  static_cast<double*>(MutableArrayView(numbers, {2}).data())[1] = 3;
  BOOST_TEST(numbers[1] == 3);
  const bool flags[] = {true, false};
  BOOST_TEST(to_string(ArrayView(std::span(flags)).type()) == "bool[2]");
  Array array(Type{Dtype::i32, {2}});
  BOOST_TEST(MutableArrayView(array).data() == array.data());
}

BOOST_AUTO_TEST_CASE(refuse_memory_that_is_not_what_they_say) {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  BOOST_CHECK_EXCEPTION(ArrayView(values, {2, 2}), Error,
                        says("[view] 6 elements were given for f32[2, 2]: 4 are needed"));
  BOOST_CHECK_EXCEPTION(ArrayView(values.data(), {2, 3}, {1, 2}), Error,
                        says("[view] strides [1, 2] were given for f32[2, 3]: the dense row-major [3, 1] are needed"));
  BOOST_CHECK_THROW(ArrayView(values.data(), {2, 3}, {1}), Error);
  BOOST_CHECK_EXCEPTION(ArrayView(Type{Dtype::f32, {2}}, nullptr), Error,
                        says("[view] a null pointer was given for f32[2]: memory is needed"));
  const auto* odd = reinterpret_cast<const std::byte*>(values.data()) + 2;
  BOOST_CHECK_EXCEPTION(
      ArrayView(Type{Dtype::f32, {2}}, odd), Error,
      says("[view] the address of a f32[2] was given that is no multiple of 4: aligned elements are needed"));
  BOOST_CHECK_THROW(ArrayView(Type{Dtype::f32, {-1}}, values.data()), Error);
}

BOOST_AUTO_TEST_CASE(know_whether_all_of_them_is_finite) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
    Array array(Type{dtype, {37}});
    const auto set = [&](std::int64_t i, double value) {
      if (dtype == Dtype::f32)
        array.as<float>()[static_cast<std::size_t>(i)] = static_cast<float>(value);
      else
        array.as<double>()[static_cast<std::size_t>(i)] = value;
    };
    for (std::int64_t i = 0; i < 37; ++i) set(i, i % 2 == 0 ? -3e38 : -0.0);
    set(5, 1e-45);
    BOOST_TEST(all_finite(array));
    for (const std::int64_t place : {0, 20, 36})
      for (const double value : {INFINITY, -INFINITY, NAN, -NAN}) {
        set(place, value);
        BOOST_TEST(!all_finite(array));
        set(place, 1);
      }
    BOOST_TEST(all_finite(array));
  }
  BOOST_TEST(all_finite(Array(Type{Dtype::f32, {0}})));
  BOOST_TEST(all_finite(Array(Type{Dtype::i32, {3}})));
}

BOOST_AUTO_TEST_CASE(do_not_care_for_strides_that_are_never_stepped) {
  const std::vector<float> values{1, 2, 3};
  BOOST_TEST(ArrayView(values.data(), {1, 3}, {77, 1}).data() == values.data());
  const float* nothing = nullptr;
  BOOST_TEST(ArrayView(nothing, {0, 3}, {5, 5}).data() == nullptr);
  BOOST_TEST(ArrayView(std::vector<float>{}).shape().elements() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
