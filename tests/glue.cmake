# smtpd-glue: the client library and the SMTP wrapper.
grey_unit_test(smtp_session_test SOURCES unit/smtp_session_test.cc unit/smtp_smuggling_test.cc
               LIBRARIES grey_smtp)
grey_unit_test(relay_test SOURCES unit/relay_test.cc LIBRARIES grey_smtp)
grey_unit_test(greylist_test SOURCES unit/greylist_test.cc LIBRARIES greylist_static)

# C programs, linked by the C compiler, against both kinds of the library as it is installed, and
# against one compiled without optimization, where nothing is inlined away.
add_library(greylist_unoptimized STATIC
  ${CMAKE_SOURCE_DIR}/smtpd-glue/greylist.cc ${CMAKE_SOURCE_DIR}/greyd/ip.cc
  ${CMAKE_SOURCE_DIR}/greyd/endpoint.cc ${CMAKE_SOURCE_DIR}/greyd/wire.cc)
set_target_properties(greylist_unoptimized PROPERTIES LINKER_LANGUAGE C)
target_compile_options(greylist_unoptimized PRIVATE -fno-exceptions -fno-rtti -O0)
target_link_libraries(greylist_unoptimized PRIVATE grey_flags)
foreach(library greylist_static greylist_shared greylist_unoptimized)
  foreach(level O0 O2)
    set(name ${library}_c_${level}_test)
    add_executable(${name} unit/greylist_link_test.c)
    target_compile_options(${name} PRIVATE -std=c99 -Wall -Wextra -Wpedantic -Werror -${level})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
    # By name: what a target carries along must not be what makes it link.
    target_link_libraries(${name} PRIVATE $<TARGET_LINKER_FILE:${library}>)
    add_dependencies(${name} ${library})
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C
                          BUILD_RPATH $<TARGET_FILE_DIR:${library}>)
    add_test(NAME ${name} COMMAND ${name})
  endforeach()
endforeach()

add_test(NAME greysmtpd_e2e_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/greysmtpd_test.sh $<TARGET_FILE:greysmtpd>)
set_tests_properties(greysmtpd_e2e_test PROPERTIES TIMEOUT 600)
