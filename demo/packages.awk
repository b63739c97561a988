# The records of "apt-cache dumpavail" as lines for COPY: name, section, description.
function flush_record()
{
	if (name != "" && section != "" && text != "")
		print name "\t" section "\t" text
	name = section = text = ""
}
function value()
{
	sub(/^[^:]*: */, "")
	gsub(/\\/, "\\\\")
	gsub(/\t/, " ")
	return $0
}
/^Package:/		{ name = value() }
/^Section:/		{ section = value() }
/^Description(-en)?:/	{ text = value() }
/^$/			{ flush_record() }
END				{ flush_record() }
