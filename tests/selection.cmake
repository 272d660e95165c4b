# Selective mode: who is greylisted by what speaks against it.
add_test(NAME selection_e2e
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/selection_test.pl
                 $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:greyctl> $<TARGET_FILE:greysmtpd>)
