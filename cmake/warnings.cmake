# One interface target that carries how everything of ours is compiled.
add_library(ashlar_options INTERFACE)
target_compile_options(ashlar_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wunused
  -Wimplicit-fallthrough -fstack-protector-strong)
if(ASHLAR_QUICK)
  # Names of one source file meet those of another there. The ordinary build has warned already.
  target_compile_options(ashlar_options INTERFACE -Wno-shadow -Wno-unused -Wno-subobject-linkage)
endif()
if(ASHLAR_WERROR)
  target_compile_options(ashlar_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports false positives (GCC bug 105651 and its kin) in optimised coroutine and string code of the standard library.
  target_compile_options(ashlar_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-missing-field-initializers)
else()
  target_compile_options(ashlar_options INTERFACE -Wno-missing-field-initializers)
endif()
if(ASHLAR_SANITIZE STREQUAL "address")
  target_compile_options(ashlar_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(ashlar_options INTERFACE -fsanitize=address,undefined)
elseif(ASHLAR_SANITIZE STREQUAL "thread")
  target_compile_options(ashlar_options INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(ashlar_options INTERFACE -fsanitize=thread)
endif()
