# `cmake --install`: the libraries with their headers, for CMake and pkg-config, and the command; `cpack -G DEB`: the same
# as a Debian package. The tree may be moved: nothing in it names the place where it was made.
include(CMakePackageConfigHelpers)

set(METAC_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/metac)
install(TARGETS metac_engine metac_language EXPORT metac
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS metac RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
set(documents ${PROJECT_BINARY_DIR}/dsl/documents)
install(FILES ${documents}/reference.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${documents}/metac.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${documents}/metac.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME metac)
install(FILES ${documents}/_metac DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${documents}/metac.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
get_property(headers GLOBAL PROPERTY metac_staged_headers)
foreach(header IN LISTS headers)
  get_filename_component(folder metac/${header} DIRECTORY)
  install(FILES ${PROJECT_BINARY_DIR}/include/metac/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${folder})
endforeach()

install(EXPORT metac NAMESPACE metac:: FILE metacConfig.cmake DESTINATION ${METAC_CMAKE_DIR})
# Before 1.0, every minor version may break programs: as the names of the libraries say, too.
write_basic_package_version_file(metacConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/metacConfigVersion.cmake DESTINATION ${METAC_CMAKE_DIR})

function(metac_pkg_config name library description requires)
  file(RELATIVE_PATH METAC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc "prefix=\${pcfiledir}/${METAC_PREFIX}
libdir=\${prefix}/${CMAKE_INSTALL_LIBDIR}
includedir=\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}

Name: ${name}
Description: ${description}
Version: ${PROJECT_VERSION}
Requires: ${requires}
Cflags: -I\${includedir}
Libs: -L\${libdir} -l${library}
")
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
metac_pkg_config(metac-engine metac-engine "A tensor engine with derivatives of any order" "")
metac_pkg_config(metac metac "A language for learning procedures: trained scripts in other programs" metac-engine)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME metac)
set(CPACK_PACKAGE_VENDOR "metac")
set(CPACK_PACKAGE_CONTACT "The maintainers of metac <maintainers@metac.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
# tests/package compares these with what the files need. Compiling against the libraries needs a compiler besides.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libc6 (>= 2.36), libdnnl2 (>= 2.6), libedit2 (>= 3.1), libfmt9 (>= 9.1), libgcc-s1 (>= 12), libgomp1 (>= 12), \
libpng16-16 (>= 1.6), libstdc++6 (>= 12), libzip4 (>= 1.7), zlib1g (>= 1:1.2)")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libxtensor-dev")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_BINARY_DIR}/triggers)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
