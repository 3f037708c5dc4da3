// Thin and dull on purpose: each function is one oneDNN call and its check.
#include "kernels/onednn.hpp"

#include <fmt/format.h>

#include <string_view>

#include "base/error.hpp"
#include "kernels/instruction_set.hpp"
#include "kernels/one_thread.hpp"

namespace metac::onednn {
namespace {

// A plan of a second-order learner has more primitives than the library's cache of 1,024 holds; one takes 15-65 KiB.
constexpr int primitive_cache_capacity = 8192;

void check(dnnl_status_t status, const std::string& what) {
  if (status == dnnl_success) return;
  if (status == dnnl_out_of_memory) throw OutOfMemory(fmt::format("[{}] oneDNN found no more memory", what));
  throw Bug(fmt::format("oneDNN refused {} with status {}", what, static_cast<int>(status)));
}

// The library's kernels are of no higher instruction set than ours. It takes this before anything else.
void limit_instruction_set() {
#if defined(__x86_64__)
  const std::string_view ours = instruction_set();
  if (ours == "avx2") check(dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2), "the instruction set avx2");
  if (ours == "baseline") check(dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41), "the instruction set sse41");
#endif
}

struct Engine {
  dnnl_engine_t handle = nullptr;
  dnnl_primitive_attr_t attributes = nullptr;

  Engine() {
    limit_instruction_set();
    check(dnnl_engine_create(&handle, dnnl_cpu, 0), "the engine");
    check(dnnl_set_primitive_cache_capacity(primitive_cache_capacity), "the size of its cache");
    check(dnnl_primitive_attr_create(&attributes), "attributes");
    check(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "a scratchpad of our own");
  }
};

// Lives as long as the process: kernels in static storage may outlive any order of destruction.
const Engine& engine() {
  static const Engine& only = *new Engine;
  return only;
}

}  // namespace

dnnl_memory_desc_t memory_of(std::initializer_list<std::int64_t> sizes, dnnl_format_tag_t tag) {
  dnnl_memory_desc_t result;
  check(dnnl_memory_desc_init_by_tag(&result, static_cast<int>(sizes.size()), sizes.begin(), dnnl_f32, tag),
        "a layout");
  return result;
}

dnnl_memory_desc_t matrix_of(std::int64_t rows, std::int64_t columns, std::int64_t row_stride,
                             std::int64_t column_stride) {
  const dnnl_dims_t sizes = {rows, columns}, strides = {row_stride, column_stride};
  dnnl_memory_desc_t result;
  check(dnnl_memory_desc_init_by_strides(&result, 2, sizes, dnnl_f32, strides), "a layout");
  return result;
}

bool same_layout(const dnnl_memory_desc_t& a, const dnnl_memory_desc_t& b) {
  return dnnl_memory_desc_equal(&a, &b) != 0;
}

std::size_t bytes_of(const dnnl_memory_desc_t& layout) { return dnnl_memory_desc_get_size(&layout); }

Description::Description(const void* op_desc, const Description* forward) {
  const OneThread one_thread;
  dnnl_primitive_desc_t handle = nullptr;
  const auto status = dnnl_primitive_desc_create(&handle, op_desc, engine().attributes, engine().handle,
                                                 forward == nullptr ? nullptr : forward->get());
  if (status == dnnl_unimplemented) return;
  check(status, "a primitive's description");
  handle_.reset(handle);
  drop_reference_loops();
}

Description Description::reorder(const dnnl_memory_desc_t& from, const dnnl_memory_desc_t& to) {
  const OneThread one_thread;
  Description result;
  dnnl_primitive_desc_t handle = nullptr;
  check(dnnl_reorder_primitive_desc_create(&handle, &from, engine().handle, &to, engine().handle, engine().attributes),
        "a reorder's description");
  result.handle_.reset(handle);
  return result;
}

void Description::drop_reference_loops() {
  if (implementation().starts_with("ref")) handle_.reset();
}

std::string Description::implementation() const {
  const char* text = nullptr;
  check(dnnl_primitive_desc_query(get(), dnnl_query_impl_info_str, 0, &text), "the name of an implementation");
  return text;
}

dnnl_memory_desc_t Description::layout(dnnl_query_t which) const {
  const auto* result = dnnl_primitive_desc_query_md(get(), which, 0);
  if (result == nullptr) throw Bug("oneDNN does not say how a primitive's memory is laid out");
  return *result;
}

Primitive::Primitive(std::string name, const Description& description, std::vector<Argument> arguments)
    : name_(std::move(name)),
      arguments_(std::move(arguments)),
      scratchpad_(description.layout(dnnl_query_scratchpad_md)) {
  const OneThread one_thread;
  dnnl_primitive_t handle = nullptr;
  check(dnnl_primitive_create(&handle, description.get()), name_);
  handle_.reset(handle);
}

Primitive::Call::Call(const Primitive& primitive) : primitive_(primitive) {
  dnnl_stream_t stream = nullptr;
  check(dnnl_stream_create(&stream, engine().handle, dnnl_stream_default_flags), "a stream");
  stream_.reset(stream);
  const auto add = [&](int role, const dnnl_memory_desc_t& layout) {
    dnnl_memory_t memory = nullptr;
    check(dnnl_memory_create(&memory, &layout, engine().handle, DNNL_MEMORY_NONE), primitive_.name_);
    memory_.emplace_back(memory);
    arguments_.push_back({role, memory});
  };
  for (const auto& argument : primitive_.arguments_) add(argument.role, argument.layout);
  add(DNNL_ARG_SCRATCHPAD, primitive_.scratchpad_);
  bound_.assign(memory_.size(), nullptr);
}

void Primitive::Call::run(void* const* pointers, std::byte* scratch) {
  const OneThread one_thread;
  for (std::size_t i = 0; i < memory_.size(); ++i) {
    void* pointer = i + 1 == memory_.size() ? scratch : pointers[i];
    if (pointer == bound_[i]) continue;
    check(dnnl_memory_set_data_handle(memory_[i].get(), pointer), primitive_.name_);
    bound_[i] = pointer;
  }
  check(dnnl_primitive_execute(primitive_.handle_.get(), stream_.get(), static_cast<int>(arguments_.size()),
                               arguments_.data()),
        primitive_.name_);
}

}  // namespace metac::onednn
