# Recipients to whom nobody writes who means well.
add_test(NAME traps_e2e COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/traps_test.pl
                                $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:greyctl>)
