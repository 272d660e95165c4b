# Run by CPack when the files of each component lie below CPACK_TEMPORARY_DIRECTORY: adds what only
# a Debian package has, and compresses what Debian wants compressed; without time stamps, so that
# one commit gives the same package every time.

set(top ${CMAKE_CURRENT_LIST_DIR}/../..)
foreach(component SERVER DEV)
  string(TOLOWER ${component} root)
  set(doc ${CPACK_TEMPORARY_DIRECTORY}/${root}/usr/share/doc/${CPACK_DEBIAN_${component}_PACKAGE_NAME})
  file(COPY ${CMAKE_CURRENT_LIST_DIR}/copyright ${top}/CHANGELOG.md DESTINATION ${doc})
  file(WRITE ${doc}/changelog "qmail-greyd (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium\n\n"
       "  * What has changed: CHANGELOG.md.\n\n"
       " -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  $ENV{GREY_PACKAGE_DATE}\n")
endforeach()

set(server ${CPACK_TEMPORARY_DIRECTORY}/server)
file(COPY ${CMAKE_CURRENT_LIST_DIR}/README.Debian ${top}/README.md
     DESTINATION ${server}/usr/share/doc/qmail-greyd)
file(COPY ${CMAKE_CURRENT_LIST_DIR}/service DESTINATION ${server}/usr/lib/qmail-greyd)
configure_file(${CMAKE_CURRENT_LIST_DIR}/lintian-overrides
               ${server}/usr/share/lintian/overrides/qmail-greyd COPYONLY)
# Where Debian's packages put what zsh completes; site-functions are the administrator's.
file(RENAME ${server}/usr/share/zsh/site-functions ${server}/usr/share/zsh/vendor-completions)
# Conffiles: dpkg brings new entries, unless the operator has changed it.
file(COPY ${top}/etc/greylist.rules ${top}/etc/greylist.whitelist DESTINATION ${server}/etc/greylist)
file(COPY ${top}/etc/logcheck/qmail-greyd DESTINATION ${server}/etc/logcheck/ignore.d.server)

file(GLOB pages ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/man/*/*.[1-8]
                ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/doc/*/changelog)
foreach(page ${pages})
  if(IS_SYMLINK ${page})
    file(READ_SYMLINK ${page} target)
    file(REMOVE ${page})
    file(CREATE_LINK ${target}.gz ${page}.gz SYMBOLIC)
  else()
    execute_process(COMMAND gzip -9n ${page} COMMAND_ERROR_IS_FATAL ANY)
  endif()
endforeach()
