# What `make install` and `make package` lay out: the program, one static library of all rooms the library needs, the
# public headers, a CMake package and a pkg-config file, a systemd unit, the documentation.
include(CMakePackageConfigHelpers)

# libashlar.a: the rooms below the faces, in one archive.
set(ASHLAR_LIBRARY_ROOMS ${ASHLAR_ROOMS})
list(REMOVE_ITEM ASHLAR_LIBRARY_ROOMS wire proxy testkit cli)
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
  install(FILES ${bundle} DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY include/ashlar DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp" PATTERN "*.def")
  configure_package_config_file(cmake/ashlarConfig.cmake.in ${CMAKE_BINARY_DIR}/generated/ashlarConfig.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ashlar PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/ashlarConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/generated/ashlarConfig.cmake ${CMAKE_BINARY_DIR}/generated/ashlarConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ashlar)
  file(RELATIVE_PATH ASHLAR_PC_INCLUDEDIR ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_FULL_INCLUDEDIR})
  # As they were found here; the same list as in ashlarConfig.cmake.in.
  set(ASHLAR_PC_LIBS -lspdlog -lfmt ${PQ_LDFLAGS} ${MARIADB_LDFLAGS} ${SQLITE_LDFLAGS} ${XXHASH_LDFLAGS} ${TOML_LDFLAGS}
    -lpg_query -lcrypto -lgmp -pthread)
  list(JOIN ASHLAR_PC_LIBS " " ASHLAR_PC_LIBS)
  configure_file(cmake/ashlar.pc.in ${CMAKE_BINARY_DIR}/generated/ashlar.pc @ONLY)
  # The test kit is an archive of its own: no program that is shipped needs it.
  add_dependencies(ashlar_bundle ashlar_testkit)
  install(FILES $<TARGET_FILE:ashlar_testkit> DESTINATION ${CMAKE_INSTALL_LIBDIR} RENAME libashlar-testkit.a)
  configure_file(cmake/ashlar-testkit.pc.in ${CMAKE_BINARY_DIR}/generated/ashlar-testkit.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/generated/ashlar.pc ${CMAKE_BINARY_DIR}/generated/ashlar-testkit.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
if(TARGET ashlar)
  install(TARGETS ashlar RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(FILES packaging/ashlar.service DESTINATION lib/systemd/system)
install(FILES README.md LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)

set(CPACK_PACKAGE_NAME ashlar)
set(CPACK_PACKAGE_VENDOR "The Ashlar developers")
set(CPACK_PACKAGE_CONTACT "The Ashlar developers <maintainers@ashlar.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# The program's libraries come by SHLIBDEPS; these are for those who build with the library.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "g++, pkg-config, libpq-dev, libmariadb-dev, libsqlite3-dev, libpg-query-dev, libxxhash-dev, libtomlplusplus-dev, libfmt-dev, libspdlog-dev, libssl-dev, libgmp-dev")
# Loaded when a webhook is configured.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libcurl4")
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_STRIP_FILES ON)
include(CPack)
