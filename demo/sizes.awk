# The records of "apt-cache dumpavail" as lines for COPY: name, section, priority, architecture, multi_arch,
# dependencies (a number), download and installed size in bytes; \N where there is none.
function flush_record()
{
	if (name != "" && name != "\\N" && size != "\\N")
		print name "\t" section "\t" priority "\t" architecture "\t" multi_arch "\t" dependencies "\t" size "\t" installed
	name = section = priority = architecture = multi_arch = size = installed = "\\N"
	dependencies = 0
}
function value()
{
	sub(/^[^:]*: */, "")
	return $0
}
BEGIN			{ flush_record() }
/^Package:/		{ name = value() }
/^Section:/		{ section = value() }
/^Priority:/	{ priority = value() }
/^Architecture:/	{ architecture = value() }
/^Multi-Arch:/	{ multi_arch = value() }
/^Depends:/		{ dependencies = split(value(), list, ",") }
/^Size:/		{ size = value() }
/^Installed-Size:/	{ installed = sprintf("%.0f", value() * 1024) }
/^$/			{ flush_record() }
END				{ if (name != "\\N") flush_record() }
