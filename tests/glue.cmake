# smtpd-glue: the client library and the SMTP wrapper.
grey_unit_test(smtp_session_test
               SOURCES unit/greysmtpd/jgreylist_test.cc unit/greysmtpd/refusal_session_test.cc unit/greysmtpd/smtp_address_test.cc unit/greysmtpd/smtp_data_end_test.cc
                       unit/greysmtpd/smtp_extensions_test.cc unit/greysmtpd/smtp_session_test.cc unit/greysmtpd/smtp_smuggling_test.cc
               LIBRARIES grey_smtp)
grey_unit_test(proxy_test
               SOURCES unit/greysmtpd/proxy_client_test.cc unit/greysmtpd/proxy_header_test.cc
                       ${CMAKE_SOURCE_DIR}/smtpd-glue/greysmtpd/proxy_client.cc
                       ${CMAKE_SOURCE_DIR}/smtpd-glue/greysmtpd/wrapper_settings.cc
               LIBRARIES grey_smtp greylist_static)
grey_unit_test(relay_test SOURCES unit/greysmtpd/relay_test.cc LIBRARIES grey_smtp)
grey_unit_test(deferral_log_test SOURCES unit/libgreylist/deferral_log_test.cc LIBRARIES grey_base greylist_static)
grey_unit_test(greylist_pace_test SOURCES unit/libgreylist/greylist_pace_test.cc LIBRARIES greylist_static)
grey_unit_test(greylist_forms_test SOURCES unit/libgreylist/greylist_forms_test.cc LIBRARIES greylist_static)
grey_unit_test(libgreylist_client_test
               SOURCES unit/libgreylist/additions_test.cc unit/libgreylist/answer_parts_test.cc
                       unit/libgreylist/daemon_text_test.cc
                       unit/libgreylist/greylist_answers_test.cc unit/libgreylist/greylist_front_test.cc
                       unit/libgreylist/libgreylist_client_test.cc unit/libgreylist/query_text_test.cc
               LIBRARIES greylist_static tl::expected)

# C programs, linked by the C compiler, against both kinds of the library as it is installed, and
# against one compiled without optimization, where nothing is inlined away.
get_target_property(libgreylist_sources greylist_objects SOURCES)
list(TRANSFORM libgreylist_sources PREPEND ${CMAKE_SOURCE_DIR}/smtpd-glue/libgreylist/)
get_target_property(wire_sources grey_wire SOURCES)
list(TRANSFORM wire_sources PREPEND ${CMAKE_SOURCE_DIR}/greyd/wire/)
foreach(level O0 O2)
  set(library greylist_plain_${level})
  add_library(${library} STATIC
    ${libgreylist_sources} ${wire_sources})
  set_target_properties(${library} PROPERTIES LINKER_LANGUAGE C)
  target_compile_options(${library} PRIVATE -fno-exceptions -fno-rtti -U_GLIBCXX_ASSERTIONS -fno-sanitize=all -${level})
  target_link_libraries(${library} PRIVATE grey_flags)
endforeach()
function(grey_c_test name source library)
  add_executable(${name} ${source})
  target_compile_options(${name} PRIVATE ${ARGN})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  # By name: what a target carries along must not be what makes it link.
  target_link_libraries(${name} PRIVATE $<TARGET_LINKER_FILE:${library}>)
  add_dependencies(${name} ${library})
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C
                        BUILD_RPATH $<TARGET_FILE_DIR:${library}>)
  add_test(NAME ${name} COMMAND ${name})
endfunction()
foreach(library greylist_static greylist_shared greylist_plain_O0)
  foreach(level O0 O2)
    grey_c_test(${library}_c_${level}_test unit/libgreylist/greylist_link_test.c ${library}
                -std=c99 -Wall -Wextra -Wpedantic -Werror -${level})
    grey_c_test(${library}_old_${level}_test unit/libgreylist/greylist_old_entry_test.c ${library}
                -std=gnu89 -Wall -Wextra -Werror -${level})
  endforeach()
endforeach()
add_test(NAME libgreylist_symbols_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/libgreylist_symbols_test.sh
                 $<TARGET_FILE:greylist_plain_O0> $<TARGET_FILE:greylist_plain_O2>)

add_test(NAME greysmtpd_stage_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/greysmtpd_stage_test.sh $<TARGET_FILE:greysmtpd>
                 $<TARGET_FILE:qmail-greyd>)
add_test(NAME greysmtpd_exim_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/greysmtpd_exim_test.sh $<TARGET_FILE:greysmtpd>
                 ${CMAKE_SOURCE_DIR}/build/exim/usr/sbin/exim4)
add_test(NAME greysmtpd_hostile_test
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/greysmtpd_hostile_test.pl
                 $<TARGET_FILE:greysmtpd>)
add_test(NAME greysmtpd_postfix_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/greysmtpd_postfix_test.sh $<TARGET_FILE:greysmtpd>)
add_test(NAME greysmtpd_proxy_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/greysmtpd_proxy_test.sh $<TARGET_FILE:greysmtpd>)
set_tests_properties(greysmtpd_proxy_test PROPERTIES SKIP_RETURN_CODE 77)
set_tests_properties(greysmtpd_exim_test greysmtpd_postfix_test PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME greysmtpd_e2e_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/greysmtpd_test.sh $<TARGET_FILE:greysmtpd>)
add_test(NAME greyspp_test COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/greyspp_test.sh
                                   $<TARGET_FILE:greyspp> $<TARGET_FILE:qmail-greyd>)
add_test(NAME patch_qmail_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/patch_qmail_test.sh ${CMAKE_SOURCE_DIR}
                 $<TARGET_FILE:greylist_static> $<TARGET_FILE:qmail-greyd>
                 $<$<BOOL:${GREY_SANITIZE}>:-fsanitize=address,undefined>)
add_test(NAME patch_qmail_envelope_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/patch_qmail_envelope_test.sh ${CMAKE_SOURCE_DIR}
                 $<TARGET_FILE:greylist_static> $<TARGET_FILE:qmail-greyd>
                 $<$<BOOL:${GREY_SANITIZE}>:-fsanitize=address,undefined>)
add_test(NAME patch_qmail_layout_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/patch_qmail_layout_test.sh ${CMAKE_SOURCE_DIR}
                 $<TARGET_FILE:greylist_static>
                 $<$<BOOL:${GREY_SANITIZE}>:-fsanitize=address,undefined>)
# A test that fails, and says why, where the plugin is not built.
set(sanitizer_runtime)
if(GREY_SANITIZE)
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libasan.so
                  OUTPUT_VARIABLE sanitizer_runtime OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
add_test(NAME mailfront_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/mailfront_test.sh
                 ${CMAKE_BINARY_DIR}/smtpd-glue/plugin-greylist.so $<TARGET_FILE:qmail-greyd>
                 ${sanitizer_runtime})
add_test(NAME mailfront_envelope_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/mailfront_envelope_test.sh
                 ${CMAKE_BINARY_DIR}/smtpd-glue/plugin-greylist.so $<TARGET_FILE:qmail-greyd>
                 ${sanitizer_runtime})
add_test(NAME silent_fields_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/silent_fields_test.sh $<TARGET_FILE:greysmtpd>
                 $<TARGET_FILE:greyspp> ${CMAKE_BINARY_DIR}/smtpd-glue/plugin-greylist.so
                 ${sanitizer_runtime})
add_test(NAME rule_text_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/rule_text_test.sh $<TARGET_FILE:greysmtpd>
                 $<TARGET_FILE:greyspp> ${CMAKE_BINARY_DIR}/smtpd-glue/plugin-greylist.so
                 ${CMAKE_SOURCE_DIR} $<TARGET_FILE:greylist_static> "${sanitizer_runtime}"
                 $<$<BOOL:${GREY_SANITIZE}>:-fsanitize=address,undefined>)
find_package(Threads REQUIRED)
add_executable(ask_many e2e/ask_many.c)
target_link_libraries(ask_many PRIVATE grey_flags greylist_static Threads::Threads)
add_test(NAME network_test COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/network_test.sh
                                   ${CMAKE_BINARY_DIR} ${sanitizer_runtime})
