# What a domain's SPF record says, and the process that asks for it.
grey_unit_test(spf_test
               SOURCES unit/spf/flattening_test.cc unit/spf/messages_test.cc
               LIBRARIES grey_spf)
