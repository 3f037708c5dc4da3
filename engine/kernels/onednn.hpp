// The only door to oneDNN: owned handles, primitives made for one thread, and the memory objects one worker needs to run
// them. Only .cpp files of this room include it. A failed call is a Bug that names the primitive.
//
// A primitive that was made for several threads and is run inside a parallel region gives wrong numbers without a word,
// and the library's own scratchpad crashes when another thread runs it. So every primitive here is made and run with one
// thread, and its scratchpad is the caller's.
#pragma once

#include <dnnl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/array.hpp"

namespace metac::onednn {

struct Release {
  void operator()(dnnl_primitive_desc* handle) const { dnnl_primitive_desc_destroy(handle); }
  void operator()(dnnl_primitive* handle) const { dnnl_primitive_destroy(handle); }
  void operator()(dnnl_memory* handle) const { dnnl_memory_destroy(handle); }
  void operator()(dnnl_stream* handle) const { dnnl_stream_destroy(handle); }
};
template <class T>
using Handle = std::unique_ptr<T, Release>;

// f32 memory of these sizes, dense in the order that the tag names, or left to oneDNN (dnnl_format_tag_any).
dnnl_memory_desc_t memory_of(std::initializer_list<std::int64_t> sizes, dnnl_format_tag_t);
// A matrix with these strides.
dnnl_memory_desc_t matrix_of(std::int64_t rows, std::int64_t columns, std::int64_t row_stride,
                             std::int64_t column_stride);
bool same_layout(const dnnl_memory_desc_t&, const dnnl_memory_desc_t&);
std::size_t bytes_of(const dnnl_memory_desc_t&);

// A description of work for which oneDNN has a fast implementation; empty where it has none but its reference loops.
class Description {
 public:
  // `op_desc` is one of dnnl's operation descriptors; `forward` is the hint that backward primitives need.
  Description(const void* op_desc, const Description* forward);
  static Description reorder(const dnnl_memory_desc_t& from, const dnnl_memory_desc_t& to);

  explicit operator bool() const { return handle_ != nullptr; }
  dnnl_primitive_desc* get() const { return handle_.get(); }
  std::string implementation() const;  // "jit:avx2"
  dnnl_memory_desc_t layout(dnnl_query_t which) const;

 private:
  Description() = default;
  void drop_reference_loops();
  Handle<dnnl_primitive_desc> handle_;
};

// One argument of a primitive: what it is for, and how it lies in memory.
struct Argument {
  int role;  // DNNL_ARG_SRC, ...
  dnnl_memory_desc_t layout;
};

class Primitive {
 public:
  Primitive(std::string name, const Description&, std::vector<Argument>);

  // The memory objects of one worker.
  class Call {
   public:
    explicit Call(const Primitive&);
    // `pointers` in the order of the arguments. Allocates nothing itself.
    void run(void* const* pointers, std::byte* scratch);

   private:
    const Primitive& primitive_;
    Handle<dnnl_stream> stream_;
    std::vector<Handle<dnnl_memory>> memory_;
    std::vector<dnnl_exec_arg_t> arguments_;
    std::vector<void*> bound_;
  };

  std::size_t scratch_bytes() const { return bytes_of(scratchpad_); }

 private:
  std::string name_;
  Handle<dnnl_primitive> handle_;
  std::vector<Argument> arguments_;
  dnnl_memory_desc_t scratchpad_;
};

}  // namespace metac::onednn
