# What the documentation says, done as it says it; and --help of everything.
add_test(NAME help_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/help_test.sh ${CMAKE_BINARY_DIR})
add_test(NAME completion_test COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/completion_test.pl
                                      ${CMAKE_BINARY_DIR}/etc/completion)
set_tests_properties(completion_test PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME greyctl_examples_test
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/greyctl_examples_test.pl
                 $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:greyctl>)
grey_unit_test(settings_manual_test SOURCES unit/daemon/settings_manual_test.cc
               LIBRARIES svctool_verbs grey_daemon)
add_test(NAME postgrey_test COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/postgrey_test.pl
                                   ${CMAKE_SOURCE_DIR} $<TARGET_FILE:qmail-greyd>)
add_test(NAME rules_sample_test COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/rules_sample_test.pl
                                       ${CMAKE_SOURCE_DIR} $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:svctool>)
if(NOT GREY_SANITIZE) # as those that need throw-away copies of this machine
  add_test(NAME readme_test
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/readme_test.sh ${CMAKE_BINARY_DIR})
  set_tests_properties(readme_test PROPERTIES FIXTURES_REQUIRED packages SKIP_RETURN_CODE 77)
endif()
