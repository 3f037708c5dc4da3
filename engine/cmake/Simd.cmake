# Every engine/<room>/simd/*.cpp is compiled once for each instruction set, into a namespace of its own that the macro
# METAC_SIMD_NAMESPACE names; the room picks one set at start (kernels/dispatch.cpp).
#
# Rules for those sources: everything is static or inside METAC_SIMD_NAMESPACE, and no inline function of a foreign header
# is called: the linker keeps one copy of an inline function for the whole program, and that copy must not be one compiled
# for a machine that this is not.
function(metac_simd_variant room name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${room}/simd/*.cpp)
  add_library(metac_${room}_${name} OBJECT ${sources})
  target_include_directories(metac_${room}_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_definitions(metac_${room}_${name} PRIVATE METAC_SIMD_NAMESPACE=${name})
  # Products and sums are contracted where the machine can, so bits differ between instruction sets; comparisons and
  # selections stay those of IEEE 754 (only its exception flags are given up, which lets branches become selections).
  target_compile_options(metac_${room}_${name} PRIVATE -O3 -fno-math-errno -fno-trapping-math -ffp-contract=fast
    -fno-exceptions -fno-rtti -fno-threadsafe-statics ${ARGN})
  target_sources(metac_${room} PRIVATE $<TARGET_OBJECTS:metac_${room}_${name}>)
endfunction()

function(metac_simd_variants room)
  metac_simd_variant(${room} baseline)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    metac_simd_variant(${room} avx2 -march=x86-64-v3 -mavx2 -mfma)
    metac_simd_variant(${room} avx512 -march=x86-64-v4 -mprefer-vector-width=512)
  endif()
endfunction()
