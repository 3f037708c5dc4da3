# Fails if an object file of an instruction-set variant defines a symbol that other files could take up: a weak one (an
# inline function or template of a header), or a strong one outside the namespace of the variant.
string(REPLACE "|" ";" objects "${OBJECTS}")
foreach(object IN LISTS objects)
  execute_process(COMMAND ${NM} -C --defined-only ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE "\n" ";" lines "${symbols}")
  foreach(line IN LISTS lines)
    if(line MATCHES " [WVu] " OR (line MATCHES " [TBDR] " AND NOT line MATCHES "metac::${VARIANT}::"))
      message(SEND_ERROR "${object}: ${line}")
    endif()
  endforeach()
endforeach()
