grey_unit_test(svctool_test
               SOURCES unit/svctool_settings_test.cc unit/svctool_service_dir_test.cc
                       unit/svctool_tcprules_test.cc unit/svctool_options_test.cc
                       unit/svctool_transaction_test.cc
               LIBRARIES svctool_core)
