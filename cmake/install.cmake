# What `make install` and `make package` lay out, in two components. "program": the program with its man pages, completions,
# systemd unit, configuration, documentation and examples. "development": one static library of all rooms the library needs,
# the public headers, a CMake package and pkg-config files.
include(CMakePackageConfigHelpers)

# libashlar.a: the rooms below the faces, in one archive.
set(ASHLAR_LIBRARY_ROOMS ${ASHLAR_ROOMS})
list(REMOVE_ITEM ASHLAR_LIBRARY_ROOMS proxy testkit cli)
if(TARGET ashlar_cluster)
  set(bundle ${CMAKE_BINARY_DIR}/lib/libashlar.a)
  set(script "create ${bundle}\n")
  set(archives "")
  foreach(room IN LISTS ASHLAR_LIBRARY_ROOMS)
    string(APPEND script "addlib $<TARGET_FILE:ashlar_${room}>\n")
    list(APPEND archives ashlar_${room})
  endforeach()
  string(APPEND script "save\nend\n")
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/generated/bundle.mri CONTENT "${script}")
  add_custom_command(OUTPUT ${bundle}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/lib
    COMMAND ${CMAKE_COMMAND} -E rm -f ${bundle}
    COMMAND ${CMAKE_AR} -M < ${CMAKE_BINARY_DIR}/generated/bundle.mri
    DEPENDS ${archives} ${CMAKE_BINARY_DIR}/generated/bundle.mri COMMENT "Bundling libashlar.a")
  add_custom_target(ashlar_bundle ALL DEPENDS ${bundle})
  install(FILES ${bundle} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
  install(DIRECTORY include/ashlar DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
    FILES_MATCHING PATTERN "*.hpp" PATTERN "*.def")
  configure_package_config_file(cmake/ashlarConfig.cmake.in ${CMAKE_BINARY_DIR}/generated/ashlarConfig.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ashlar PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/ashlarConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/generated/ashlarConfig.cmake ${CMAKE_BINARY_DIR}/generated/ashlarConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ashlar COMPONENT development)
  file(RELATIVE_PATH ASHLAR_PC_INCLUDEDIR ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_FULL_INCLUDEDIR})
  # As they were found here; the same list as in ashlarConfig.cmake.in.
  set(ASHLAR_PC_LIBS -lspdlog -lfmt ${PQ_LDFLAGS} ${MARIADB_LDFLAGS} ${SQLITE_LDFLAGS} ${XXHASH_LDFLAGS} ${TOML_LDFLAGS}
    -lpg_query -lssl -lcrypto -lgmp -pthread)
  list(JOIN ASHLAR_PC_LIBS " " ASHLAR_PC_LIBS)
  configure_file(cmake/ashlar.pc.in ${CMAKE_BINARY_DIR}/generated/ashlar.pc @ONLY)
  # The test kit is an archive of its own: no program that is shipped needs it.
  add_dependencies(ashlar_bundle ashlar_testkit)
  install(FILES $<TARGET_FILE:ashlar_testkit> DESTINATION ${CMAKE_INSTALL_LIBDIR} RENAME libashlar-testkit.a COMPONENT development)
  configure_file(cmake/ashlar-testkit.pc.in ${CMAKE_BINARY_DIR}/generated/ashlar-testkit.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/generated/ashlar.pc ${CMAKE_BINARY_DIR}/generated/ashlar-testkit.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endif()
if(TARGET ashlar)
  install(TARGETS ashlar RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)

  # Made by the program itself, so that they say what it does.
  set(shown ${CMAKE_BINARY_DIR}/shown)
  set(completions ${shown}/ashlar.bash ${shown}/_ashlar ${shown}/ashlar.fish)
  add_custom_command(OUTPUT ${completions}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${shown}
    COMMAND $<TARGET_FILE:ashlar> completion bash > ${shown}/ashlar.bash
    COMMAND $<TARGET_FILE:ashlar> completion zsh > ${shown}/_ashlar
    COMMAND $<TARGET_FILE:ashlar> completion fish > ${shown}/ashlar.fish
    DEPENDS ashlar VERBATIM)
  set(made ${completions})
  install(FILES ${shown}/ashlar.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ashlar COMPONENT program)
  install(FILES ${shown}/_ashlar DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT program)
  install(FILES ${shown}/ashlar.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT program)

  find_program(HELP2MAN help2man)
  if(HELP2MAN)
    set(pages ${shown}/ashlar.1)
    add_custom_command(OUTPUT ${shown}/ashlar.1
      COMMAND ${HELP2MAN} --no-info --section=1 --name "many databases laid as one" --output=${shown}/ashlar.1 $<TARGET_FILE:ashlar>
      DEPENDS ashlar ${completions} VERBATIM)
    foreach(command IN ITEMS init check where dev serve query shell status pools load marks completion)
      list(APPEND pages ${shown}/ashlar-${command}.1)
      add_custom_command(OUTPUT ${shown}/ashlar-${command}.1
        COMMAND ${CMAKE_SOURCE_DIR}/tools/man_page $<TARGET_FILE:ashlar> ${command} ${shown}/ashlar-${command}.1
        DEPENDS ashlar ${completions} tools/man_page VERBATIM)
    endforeach()
    list(APPEND made ${pages})
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
  endif()
  if(NOT ASHLAR_QUICK)
    add_custom_target(ashlar_shown ALL DEPENDS ${made})
  endif()
endif()
install(FILES packaging/ashlar.service DESTINATION lib/systemd/system COMPONENT program)
# Of the prefix /usr the configuration is in /etc, as a package has it; of any other in the prefix.
install(CODE "
  if(CMAKE_INSTALL_PREFIX MATCHES \"/usr\$\")
    string(REGEX REPLACE \"/usr\$\" \"/etc\" etc \"\${CMAKE_INSTALL_PREFIX}\")
  else()
    set(etc \"\${CMAKE_INSTALL_PREFIX}/etc\")
  endif()
  if(NOT EXISTS \"\$ENV{DESTDIR}\${etc}/ashlar/ashlar.toml\")
    file(INSTALL DESTINATION \"\${etc}/ashlar\" TYPE FILE FILES \"${CMAKE_SOURCE_DIR}/packaging/ashlar.toml\")
  endif()" COMPONENT program)
install(FILES README.md LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(FILES packaging/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(FILES packaging/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR}-dev COMPONENT development)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs COMPONENT program)
install(DIRECTORY examples/ DESTINATION ${CMAKE_INSTALL_DOCDIR}-dev/examples COMPONENT development)

set(CPACK_PACKAGE_NAME ashlar)
set(CPACK_PACKAGE_VENDOR "The Ashlar developers")
set(CPACK_PACKAGE_CONTACT "The Ashlar developers <maintainers@ashlar.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME ashlar)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME ashlar-dev)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "Pools, replicas, shards and SQL over many PostgreSQL or SQLite databases\n Serves them as one to every PostgreSQL client, and has commands to check, load, query and watch them.")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "The library and headers of Ashlar\n For C++20 programs that use many databases as one without an extra hop.")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "libcurl4, postgresql-client")  # libcurl: loaded when a webhook is configured
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_EXTRA "${CMAKE_SOURCE_DIR}/packaging/conffiles;${CMAKE_SOURCE_DIR}/packaging/postinst;${CMAKE_SOURCE_DIR}/packaging/prerm;${CMAKE_SOURCE_DIR}/packaging/postrm")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libpq-dev, libmariadb-dev, libsqlite3-dev, libpg-query-dev, libxxhash-dev, libtomlplusplus-dev, libfmt-dev, libspdlog-dev, libssl-dev, libgmp-dev")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_STRIP_FILES ON)
include(CPack)
