grey_unit_test(svctool_test
               SOURCES unit/svctool/settings_test.cc unit/svctool/service_dir_test.cc
                       unit/svctool/tcprules_test.cc unit/svctool/options_test.cc
                       unit/svctool/transaction_test.cc unit/svctool/diff_test.cc
                       unit/svctool/greyip_test.cc unit/svctool/findings_test.cc unit/svctool/key_text_test.cc
                       unit/svctool/show_test.cc unit/svctool/supervisor_test.cc
                       unit/svctool/process_test.cc unit/svctool/remove_test.cc unit/svctool/edits_test.cc unit/svctool/set_test.cc unit/svctool/service_state_test.cc
                       unit/svctool/judge_store_test.cc unit/svctool/judges_test.cc unit/svctool/machine_test.cc
                       unit/base/error_test.cc unit/svctool/standing_test.cc unit/svctool/suite_test.cc unit/svctool/target_path_test.cc unit/svctool/wait_test.cc unit/svctool/page_test.cc
               LIBRARIES svctool_verbs grey_daemon nlohmann_json::nlohmann_json)
add_test(NAME svctool_e2e
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_test.sh $<TARGET_FILE:svctool>)
add_test(NAME svctool_upkeep_e2e
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_upkeep_test.sh $<TARGET_FILE:svctool>
                 $<TARGET_FILE:qmail-greyd>)
add_test(NAME svctool_check_e2e
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_check_test.sh $<TARGET_FILE:svctool>
                 $<TARGET_FILE:qmail-greyd>)
add_test(NAME svctool_store_e2e
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_store_test.sh $<TARGET_FILE:svctool>
                 $<TARGET_FILE:qmail-greyd>)
add_test(NAME svctool_operator_rules_e2e
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_operator_rules_test.sh $<TARGET_FILE:svctool>
                 $<TARGET_FILE:qmail-greyd>)
set_tests_properties(svctool_operator_rules_e2e PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME svctool_import_e2e
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_import_test.sh $<TARGET_FILE:svctool>
                 $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:greyctl>)
set_tests_properties(svctool_import_e2e PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME svctool_fault_e2e
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_fault_test.sh $<TARGET_FILE:svctool>)
add_test(NAME svctool_links_e2e
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_links_test.sh $<TARGET_FILE:svctool>)
add_test(NAME svctool_planted_e2e
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_planted_test.sh $<TARGET_FILE:svctool>
                 $<TARGET_FILE:qmail-greyd>)
set_tests_properties(svctool_links_e2e svctool_planted_e2e PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME svctool_rules_e2e
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_rules_test.pl $<TARGET_FILE:svctool>)
add_test(NAME svctool_together_e2e
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_together_test.sh $<TARGET_FILE:svctool>)
set_tests_properties(svctool_rules_e2e svctool_together_e2e PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME figures_samples_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/figures_samples_test.sh ${CMAKE_SOURCE_DIR}
                 $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:greyctl>)
set_tests_properties(figures_samples_test PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME run_test COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/run_test.sh)
# It needs ports that nobody has at any address.
set_tests_properties(run_test PROPERTIES RUN_SERIAL TRUE)
# Need root for setuidgid, and the daemontools: say so and exit 77 without them.
set_tests_properties(svctool_e2e svctool_upkeep_e2e svctool_check_e2e svctool_fault_e2e PROPERTIES
                     SKIP_RETURN_CODE 77)

# In throw-away copies of this machine, which take root; with the sanitizers the daemon does not fit
# below its memory limit, and packages are not made of such a build.
if(NOT GREY_SANITIZE)
  add_test(NAME supervise_test
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/supervise_test.sh ${CMAKE_BINARY_DIR})
  add_test(NAME supervise_notify_test
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/supervise_notify_test.sh ${CMAKE_BINARY_DIR})
  set_tests_properties(supervise_notify_test PROPERTIES SKIP_RETURN_CODE 77)
  add_test(NAME svctool_serve_test
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_serve_test.sh ${CMAKE_BINARY_DIR})
  set_tests_properties(svctool_serve_test PROPERTIES SKIP_RETURN_CODE 77)
  add_test(NAME svctool_edits_e2e
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_edits_test.sh ${CMAKE_BINARY_DIR})
  add_test(NAME svctool_broken_test
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_broken_test.sh ${CMAKE_BINARY_DIR})
  add_test(NAME first_run_test
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/first_run_test.sh ${CMAKE_BINARY_DIR})
  add_test(NAME svctool_manual_test
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_manual_test.sh)
  add_test(NAME check_greylist_test
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/check_greylist_test.sh)
  # What installs packages begins when they are made: in one place, by one test.
  add_test(NAME make_packages_test
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/make_packages_test.sh ${CMAKE_BINARY_DIR})
  set_tests_properties(make_packages_test PROPERTIES FIXTURES_SETUP packages)
  set(package_test ${CMAKE_CURRENT_SOURCE_DIR}/e2e/package_test.sh ${CMAKE_SOURCE_DIR}/build/deb)
  add_test(NAME package_svscan_test COMMAND ${package_test} svscan neither)
  add_test(NAME package_supervisors_test COMMAND ${package_test} systemd runit s6 before)
  add_test(NAME package_autopkgtest COMMAND ${package_test} autopkgtest)
  set_tests_properties(package_svscan_test package_supervisors_test package_autopkgtest
                       PROPERTIES FIXTURES_REQUIRED packages SKIP_RETURN_CODE 77)
  add_test(NAME install_test
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/install_test.sh ${CMAKE_BINARY_DIR})
  set_tests_properties(supervise_test svctool_edits_e2e svctool_broken_test first_run_test install_test
                       PROPERTIES SKIP_RETURN_CODE 77)
endif()
add_executable(swap_names e2e/swap_names.c)
target_link_libraries(swap_names PRIVATE grey_flags)
add_test(NAME svctool_swaps_e2e
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_swaps_test.sh $<TARGET_FILE:svctool>
                 $<TARGET_FILE:swap_names>)
add_test(NAME svctool_room_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/svctool_room.sh ${CMAKE_SOURCE_DIR})
set_tests_properties(svctool_swaps_e2e PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME svctool_key_e2e
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_key_test.sh $<TARGET_FILE:svctool>
                 $<TARGET_FILE:qmail-greyd>)
set_tests_properties(svctool_key_e2e PROPERTIES SKIP_RETURN_CODE 77)
