# What the programs give up: tried in the real processes.
add_library(forbidden SHARED e2e/forbidden.c)
target_compile_options(forbidden PRIVATE -D_GNU_SOURCE -fno-sanitize=all)
target_link_options(forbidden PRIVATE -fno-sanitize=all)
target_link_libraries(forbidden PRIVATE dl)
add_test(NAME sandbox_test
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/sandbox_test.pl $<TARGET_FILE:qmail-greyd>
                 $<TARGET_FILE:greyctl> $<TARGET_FILE:forbidden>)
grey_unit_test(give_up_test SOURCES unit/greysmtpd/give_up_test.cc
               ${CMAKE_SOURCE_DIR}/smtpd-glue/greysmtpd/give_up.cc)
add_test(NAME greysmtpd_sandbox_test
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/greysmtpd_sandbox_test.pl $<TARGET_FILE:greysmtpd>)
if(NOT GREY_SANITIZE)
  set(libc_checks $<TARGET_FILE:greysmtpd> $<TARGET_FILE:greyspp>)
  if(GREY_MUSL_WORKS)
    list(PREPEND libc_checks --no-libc)
  endif()
  add_test(NAME hardening_test
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/hardening_test.sh $<TARGET_FILE:qmail-greyd>
                   $<TARGET_FILE:greyctl> $<TARGET_FILE:svctool> $<TARGET_FILE:greylist_shared>
                   $<$<TARGET_EXISTS:plugin-greylist>:$<TARGET_FILE:plugin-greylist>> ${libc_checks}
                   --no-libc $<TARGET_FILE:qmail-greyd-lookup>  # it has no call that could be checked
           COMMAND_EXPAND_LISTS)
endif()
