# Programs of which a mail server starts one for each session, or for each recipient: static, without
# the C++ runtime, and with musl where that is installed (Debian: musl-dev).
#
# Why musl: glibc's start asks the processor for its features 43 times, and in a virtual machine
# each of these cpuid instructions goes through the hypervisor (greyd/COST.md).
include(CheckCXXSourceCompiles)

option(GREY_MUSL "Link greysmtpd and greyspp with musl, where it is installed" ON)

add_library(small_flags INTERFACE)
target_link_libraries(small_flags INTERFACE grey_flags)
target_compile_options(small_flags INTERFACE -fPIE
                       $<$<COMPILE_LANGUAGE:CXX>:SHELL:-fno-exceptions -fno-rtti>)
target_link_options(small_flags INTERFACE -static-pie)

# Musl's headers in place of glibc's: before those of the compiler, and after those of C++.
function(musl_compile_options language variable)
  set(compiler ${CMAKE_${language}_IMPLICIT_INCLUDE_DIRECTORIES})
  list(REMOVE_ITEM compiler /usr/include /usr/local/include
       /usr/include/${CMAKE_LIBRARY_ARCHITECTURE})
  set(cxx ${compiler})
  list(FILTER cxx INCLUDE REGEX "c\\+\\+")
  list(FILTER compiler EXCLUDE REGEX "c\\+\\+")
  set(options -nostdinc "-include ${CMAKE_CURRENT_SOURCE_DIR}/musl.h")
  foreach(dir ${cxx} ${MUSL_INCLUDE_DIR} ${compiler})
    list(APPEND options "-isystem ${dir}")
  endforeach()
  set(${variable} ${options} PARENT_SCOPE)
endfunction()

# Whether this compiler's C++ headers go with musl's.
function(check_musl options variable)
  list(JOIN options " " CMAKE_REQUIRED_FLAGS)
  set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
  check_cxx_source_compiles("
    #include <algorithm>
    #include <functional>
    #include <optional>
    #include <string>
    #include <string_view>
    int main() { return 0; }" ${variable})
  set(${variable} ${${variable}} PARENT_SCOPE)
endfunction()

string(REPLACE "-gnu" "-musl" musl_architecture "${CMAKE_LIBRARY_ARCHITECTURE}")
find_path(MUSL_LIBRARY_DIR rcrt1.o PATHS /usr/lib/${musl_architecture} NO_DEFAULT_PATH)
find_path(MUSL_INCLUDE_DIR bits/alltypes.h PATHS /usr/include/${musl_architecture} NO_DEFAULT_PATH)
if(GREY_MUSL AND MUSL_LIBRARY_DIR AND MUSL_INCLUDE_DIR)
  musl_compile_options(CXX musl_cxx_options)
  check_musl("${musl_cxx_options}" GREY_MUSL_WORKS)
endif()
if(GREY_MUSL_WORKS)
  message(STATUS "greysmtpd, greyspp: with musl")
  musl_compile_options(C musl_c_options)
  foreach(language C CXX)
    string(TOLOWER musl_${language}_options options)
    foreach(option ${${options}})
      target_compile_options(small_flags INTERFACE
                             $<$<COMPILE_LANGUAGE:${language}>:SHELL:${option}>)
    endforeach()
  endforeach()
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-libgcc-file-name
                  OUTPUT_VARIABLE libgcc OUTPUT_STRIP_TRAILING_WHITESPACE)
  target_link_options(small_flags INTERFACE -nostdlib ${MUSL_LIBRARY_DIR}/rcrt1.o
                      ${MUSL_LIBRARY_DIR}/crti.o)
  target_link_libraries(small_flags INTERFACE ${MUSL_LIBRARY_DIR}/libc.a ${libgcc}
                        ${MUSL_LIBRARY_DIR}/crtn.o)
else()
  message(STATUS "greysmtpd, greyspp: with the compiler's C library, for lack of musl-dev")
endif()

function(add_small_program name)
  add_executable(${name} ${ARGN})
  # Left to CMake, -pie would follow -static-pie, and undo it.
  set_property(TARGET ${name} PROPERTY POSITION_INDEPENDENT_CODE)
  set_property(TARGET ${name} PROPERTY LINKER_LANGUAGE C)
  target_link_libraries(${name} PRIVATE greylist_small small_flags)
endfunction()
