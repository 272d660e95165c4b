# Replies: whom ours have written to.
grey_unit_test(greylist_sent_test
               SOURCES unit/libgreylist/greylist_sent_test.cc
               LIBRARIES greylist_static tl::expected)
grey_unit_test(sent_log_test
               SOURCES unit/imports/sent_log_test.cc
               LIBRARIES grey_imports)
add_test(NAME replies_e2e
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/replies_test.pl
                 $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:greyctl> $<TARGET_FILE:greyspp>
                 $<TARGET_FILE:greysmtpd> $<TARGET_FILE:set_clock>)
set_tests_properties(replies_e2e PROPERTIES SKIP_RETURN_CODE 77)
