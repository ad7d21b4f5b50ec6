/* Documents that must be refused, each with the whole text of its error. */
#include "spec/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

struct row {
	const char *json, *error;
};

static const struct row configs[] = {
	{ "", "line 1, column 1: parse error: premature EOF" },
	{ "{", "line 1, column 2: parse error: premature EOF" },
	{ "[]", "expected an object, got an array" },
	{ "null", "expected an object, got null" },
	{ "{}", "ociVersion: missing" },
	{ "{'ociVersion':null}", "ociVersion: missing" },
	{ "{'ociVersion':''}", "ociVersion: missing" },
	{ "{'ociVersion':1}", "ociVersion: expected a string, got a number" },
	{ "{'ociVersion':'1.0.0','ociVersion':'1.0.0'}",
	  "line 1, column 44: \"ociVersion\" is there twice in one object" },
	{ "{'ociVersion':'1.0'}", "ociVersion: '1.0' is no version by semver.org" },
	{ "{'ociVersion':'01.0.0'}", "ociVersion: '01.0.0' is no version by semver.org" },
	{ "{'ociVersion':'1.0.0-'}", "ociVersion: '1.0.0-' is no version by semver.org" },
	{ "{'ociVersion':'1.0.0-01'}", "ociVersion: '1.0.0-01' is no version by semver.org" },
	{ "{'ociVersion':'1.0.0+'}", "ociVersion: '1.0.0+' is no version by semver.org" },
	{ "{'ociVersion':'1.0.0 '}", "ociVersion: '1.0.0 ' is no version by semver.org" },
	{ "{'ociVersion':'2.0.0'}", "ociVersion: '2.0.0' is not supported, only 1.x is" },
	{ "{'ociVersion':'10.0.0'}", "ociVersion: '10.0.0' is not supported, only 1.x is" },
};

/* Members of a configuration that has its ociVersion. */
static const struct row members[] = {
	{ "'hostname':3", "hostname: expected a string, got a number" },
	{ "'hostname':'a'", "hostname: needs a private uts namespace, which linux.namespaces does not have" },
	{ "'domainname':'a'", "domainname: needs a private uts namespace, which linux.namespaces does not have" },
	{ "'domainname':[]", "domainname: expected a string, got an array" },
	{ "'annotations':[]", "annotations: expected an object, got an array" },
	{ "'annotations':{'a':1}", "annotations.a: expected a string, got a number" },
	{ "'annotations':{'':'x'}", "annotations: a key must not be empty" },
	{ "'root':[]", "root: expected an object, got an array" },
	{ "'root':{}", "root.path: missing" },
	{ "'root':{'path':'r','readonly':'yes'}", "root.readonly: expected a boolean, got a string" },
	{ "'mounts':{}", "mounts: expected an array, got an object" },
	{ "'mounts':[{}]", "mounts[0].destination: missing" },
	{ "'mounts':[null]", "mounts[0]: expected an object, got null" },
	{ "'mounts':[{'destination':'/a'},{'destination':'/b','options':['ro',2]}]",
	  "mounts[1].options[1]: expected a string, got a number" },
	{ "'mounts':[{'destination':'/a','type':1}]", "mounts[0].type: expected a string, got a number" },
	{ "'mounts':[{'destination':'/a','source':1}]", "mounts[0].source: expected a string, got a number" },
	{ "'mounts':[{'destination':'/a','uidMappings':[{'containerID':0,'hostID':0,'size':1}]}]",
	  "mounts[0]: uidMappings and gidMappings go together" },
	{ "'mounts':[{'destination':'/a','gidMappings':[{'containerID':0,'hostID':0}]}]",
	  "mounts[0].gidMappings[0].size: missing" },
	{ "'hooks':[]", "hooks: expected an object, got an array" },
	{ "'hooks':{'prestart':{}}", "hooks.prestart: expected an array, got an object" },
	{ "'hooks':{'createRuntime':[{}]}", "hooks.createRuntime[0].path: missing" },
	{ "'hooks':{'createContainer':[{'path':'a'}]}", "hooks.createContainer[0].path: 'a' is not an absolute path" },
	{ "'hooks':{'startContainer':[{'path':'/a','args':'x'}]}",
	  "hooks.startContainer[0].args: expected an array, got a string" },
	{ "'hooks':{'poststart':[{'path':'/a','env':[1]}]}",
	  "hooks.poststart[0].env[0]: expected a string, got a number" },
	{ "'hooks':{'poststop':[{'path':'/a','timeout':0}]}",
	  "hooks.poststop[0].timeout: 0 is out of range (1 to 2147483)" },
	{ "'process':{'args':['a']}", "process.cwd: missing" },
	{ "'process':3", "process: expected an object, got a number" },
};

/* Members of a process that has cwd and args. */
static const struct row process[] = {
	{ "'terminal':1", "terminal: expected a boolean, got a number" },
	{ "'consoleSize':{'height':1}", "consoleSize.width: missing" },
	{ "'consoleSize':{'width':1}", "consoleSize.height: missing" },
	{ "'consoleSize':{'height':65536,'width':1}", "consoleSize.height: 65536 is out of range (0 to 65535)" },
	{ "'env':{}", "env: expected an array, got an object" },
	{ "'env':['A=','B']", "env: 'B' is not NAME=VALUE" },
	{ "'env':['=x']", "env: '=x' is not NAME=VALUE" },
	{ "'user':'root'", "user: expected an object, got a string" },
	{ "'user':{'uid':-1}", "user.uid: -1 is out of range (0 to 4294967295)" },
	{ "'user':{'uid':4294967296}", "user.uid: 4294967296 is out of range (0 to 4294967295)" },
	{ "'user':{'gid':1.5}", "user.gid: expected an integer, got 1.5" },
	{ "'user':{'gid':'5'}", "user.gid: expected an integer, got a string" },
	{ "'user':{'umask':4294967296}", "user.umask: 4294967296 is out of range (0 to 4294967295)" },
	{ "'user':{'additionalGids':[0,'a']}", "user.additionalGids[1]: expected an integer, got a string" },
	{ "'capabilities':['CAP_KILL']", "capabilities: expected an object, got an array" },
	{ "'capabilities':{'ambient':'CAP_KILL'}", "capabilities.ambient: expected an array, got a string" },
	{ "'capabilities':{'bounding':[1]}", "capabilities.bounding[0]: expected a string, got a number" },
	{ "'rlimits':[{'soft':1,'hard':1}]", "rlimits[0].type: missing" },
	{ "'rlimits':[{'type':'RLIMIT_CPU','hard':1}]", "rlimits[0].soft: missing" },
	{ "'rlimits':[{'type':'RLIMIT_CPU','soft':1}]", "rlimits[0].hard: missing" },
	{ "'rlimits':[{'type':'RLIMIT_X','soft':1,'hard':1}]", "rlimits[0].type: unknown value 'RLIMIT_X'" },
	{ "'rlimits':[{'type':'RLIMIT_CPU','soft':18446744073709551616,'hard':1}]",
	  "rlimits[0].soft: 18446744073709551616 is out of range" },
	{ "'rlimits':[{'type':'RLIMIT_CPU','soft':1,'hard':1},{'type':'RLIMIT_CPU','soft':2,'hard':2}]",
	  "rlimits: RLIMIT_CPU is there twice" },
	{ "'apparmorProfile':1", "apparmorProfile: expected a string, got a number" },
	{ "'selinuxLabel':true", "selinuxLabel: expected a string, got a boolean" },
	{ "'noNewPrivileges':'true'", "noNewPrivileges: expected a boolean, got a string" },
	{ "'oomScoreAdj':1001", "oomScoreAdj: 1001 is out of range (-1000 to 1000)" },
	{ "'scheduler':{}", "scheduler.policy: missing" },
	{ "'scheduler':{'policy':'SCHED_X'}", "scheduler.policy: unknown value 'SCHED_X'" },
	{ "'scheduler':{'policy':'SCHED_OTHER','nice':20}", "scheduler.nice: 20 is out of range (-20 to 19)" },
	{ "'scheduler':{'policy':'SCHED_OTHER','priority':1}",
	  "scheduler.priority: only SCHED_FIFO and SCHED_RR have one" },
	{ "'scheduler':{'policy':'SCHED_RR','runtime':1}",
	  "scheduler: runtime, deadline and period are for SCHED_DEADLINE only" },
	{ "'scheduler':{'policy':'SCHED_RR','flags':['X']}", "scheduler.flags[0]: unknown value 'X'" },
	{ "'ioPriority':{}", "ioPriority.class: missing" },
	{ "'ioPriority':{'class':'X'}", "ioPriority.class: unknown value 'X'" },
	{ "'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':8}", "ioPriority.priority: 8 is out of range (0 to 7)" },
	{ "'execCPUAffinity':{'initial':'a'}", "execCPUAffinity.initial: 'a' is not a list of CPUs" },
	{ "'execCPUAffinity':{'final':'x'}", "execCPUAffinity.final: 'x' is not a list of CPUs" },
};

/* Members of linux. */
static const struct row linux_members[] = {
	{ "'namespaces':{}", "linux.namespaces: expected an array, got an object" },
	{ "'namespaces':[{}]", "linux.namespaces[0].type: missing" },
	{ "'namespaces':[{'type':'net'}]", "linux.namespaces[0].type: unknown namespace 'net'" },
	{ "'namespaces':[{'type':1}]", "linux.namespaces[0].type: expected a string, got a number" },
	{ "'namespaces':[{'type':'pid','path':'a'}]", "linux.namespaces[0].path: 'a' is not an absolute path" },
	{ "'namespaces':[{'type':'pid'},{'type':'pid'}]",
	  "linux.namespaces[1].type: this namespace is there twice" },
	{ "'namespaces':[{'type':'user'}]",
	  "linux.uidMappings: missing, and linux.namespaces has a new user namespace" },
	{ "'uidMappings':[{'containerID':0,'hostID':0,'size':1}]", "linux: uidMappings and gidMappings go together" },
	{ "'uidMappings':[{'hostID':0,'size':1}]", "linux.uidMappings[0].containerID: missing" },
	{ "'gidMappings':[{'containerID':0,'hostID':0,'size':0}]",
	  "linux.gidMappings[0].size: 0 is out of range (1 to 4294967295)" },
	{ "'uidMappings':[{'containerID':0,'hostID':0,'size':1}],'gidMappings':[{'containerID':0,'hostID':0,'size':1}]",
	  "linux.uidMappings: needs a user namespace, which linux.namespaces does not have" },
	{ "'timeOffsets':{'monotonic':{'secs':1}}",
	  "linux.timeOffsets: needs a private time namespace, which linux.namespaces does not have" },
	{ "'timeOffsets':{'boottime':{'nanosecs':1000000000}}",
	  "linux.timeOffsets.boottime.nanosecs: 1000000000 is out of range (0 to 999999999)" },
	{ "'devices':[{'path':'/dev/a'}]", "linux.devices[0].type: missing" },
	{ "'devices':[{'type':'c'}]", "linux.devices[0].path: missing" },
	{ "'devices':[{'type':'x','path':'/dev/a'}]", "linux.devices[0].type: unknown value 'x'" },
	{ "'devices':[{'type':'c','path':'a','major':1,'minor':1}]",
	  "linux.devices[0].path: 'a' is not an absolute path" },
	{ "'devices':[{'type':'c','path':'/a','minor':1}]", "linux.devices[0].major: missing" },
	{ "'devices':[{'type':'b','path':'/a','major':1}]", "linux.devices[0].minor: missing" },
	{ "'devices':[{'type':'p','path':'/a','fileMode':65536}]",
	  "linux.devices[0].fileMode: 65536 is no mode of a file" },
	{ "'netDevices':{'eth0':{'name':23}}", "linux.netDevices.eth0.name: expected a string, got a number" },
	{ "'netDevices':{'eth0':{'name':'a/b'}}", "linux.netDevices.eth0.name: 'a/b' is no interface name" },
	{ "'netDevices':{'0123456789abcdef':{}}",
	  "linux.netDevices.0123456789abcdef: '0123456789abcdef' is no interface name" },
	{ "'namespaces':[{'type':'network'}],'netDevices':{'a':{'name':'x'},'x':{}}",
	  "linux.netDevices: two would be named 'x'" },
	{ "'cgroupsPath':1", "linux.cgroupsPath: expected a string, got a number" },
	{ "'rootfsPropagation':'x'", "linux.rootfsPropagation: unknown value 'x'" },
	{ "'mountLabel':1", "linux.mountLabel: expected a string, got a number" },
	{ "'maskedPaths':['/a']",
	  "linux.maskedPaths: needs a private mount namespace, which linux.namespaces does not have" },
	{ "'readonlyPaths':['/a']",
	  "linux.readonlyPaths: needs a private mount namespace, which linux.namespaces does not have" },
	{ "'namespaces':[{'type':'mount'}],'maskedPaths':['/a','b']",
	  "linux.maskedPaths[1]: 'b' is not an absolute path" },
	{ "'namespaces':[{'type':'mount'}],'readonlyPaths':['b']",
	  "linux.readonlyPaths[0]: 'b' is not an absolute path" },
	{ "'sysctl':{'net.a':1}", "linux.sysctl.net.a: expected a string, got a number" },
	{ "'personality':{}", "linux.personality.domain: missing" },
	{ "'personality':{'domain':'X'}", "linux.personality.domain: unknown value 'X'" },
	{ "'personality':{'domain':'LINUX','flags':['X']}", "linux.personality.flags: not supported" },
	{ "'intelRdt':{}", "linux.intelRdt: not supported" },
	{ "'memoryPolicy':{}", "linux.memoryPolicy.mode: missing" },
	{ "'memoryPolicy':{'mode':'X'}", "linux.memoryPolicy.mode: unknown value 'X'" },
	{ "'memoryPolicy':{'mode':'MPOL_BIND'}", "linux.memoryPolicy.nodes: missing" },
	{ "'memoryPolicy':{'mode':'MPOL_BIND','nodes':'a'}", "linux.memoryPolicy.nodes: 'a' is not a list of nodes" },
	{ "'memoryPolicy':{'mode':'MPOL_LOCAL','nodes':'0'}",
	  "linux.memoryPolicy.nodes: MPOL_DEFAULT and MPOL_LOCAL take none" },
	{ "'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0','flags':['MPOL_F_STATIC_NODES','MPOL_F_RELATIVE_NODES']}",
	  "linux.memoryPolicy.flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other" },
	{ "'memoryPolicy':{'mode':'MPOL_BIND','flags':['X']}", "linux.memoryPolicy.flags[0]: unknown value 'X'" },
	{ "'seccomp':{}", "linux.seccomp.defaultAction: missing" },
	{ "'seccomp':{'defaultAction':'X'}", "linux.seccomp.defaultAction: unknown value 'X'" },
	{ "'seccomp':{'defaultAction':'SCMP_ACT_NOTIFY'}",
	  "linux.seccomp.defaultAction: cannot be SCMP_ACT_NOTIFY" },
	{ "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','defaultErrnoRet':1}",
	  "linux.seccomp.defaultErrnoRet: SCMP_ACT_ALLOW returns no error number" },
	{ "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','architectures':['X86']}",
	  "linux.seccomp.architectures[0]: unknown value 'X86'" },
	{ "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','flags':['X']}", "linux.seccomp.flags[0]: unknown value 'X'" },
	{ "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','listenerMetadata':'x'}",
	  "linux.seccomp.listenerMetadata: needs listenerPath" },
	{ "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action':'SCMP_ACT_NOTIFY'}]}",
	  "linux.seccomp.listenerPath: missing, and syscalls[0] is SCMP_ACT_NOTIFY" },
	{ "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':[],'action':'SCMP_ACT_TRAP'}]}",
	  "linux.seccomp.syscalls[0].names: must not be empty" },
	{ "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a']}]}",
	  "linux.seccomp.syscalls[0].action: missing" },
	{ "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action':'SCMP_ACT_TRAP','errnoRet':1}]}",
	  "linux.seccomp.syscalls[0].errnoRet: SCMP_ACT_TRAP returns no error number" },
	{ "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action':'SCMP_ACT_TRAP',"
	  "'args':[{'index':6,'value':1,'op':'SCMP_CMP_EQ'}]}]}",
	  "linux.seccomp.syscalls[0].args[0].index: 6 is out of range (0 to 5)" },
	{ "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action':'SCMP_ACT_TRAP',"
	  "'args':[{'index':1,'op':'SCMP_CMP_EQ'}]}]}",
	  "linux.seccomp.syscalls[0].args[0].value: missing" },
	{ "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action':'SCMP_ACT_TRAP',"
	  "'args':[{'index':1,'value':1,'op':'=='}]}]}",
	  "linux.seccomp.syscalls[0].args[0].op: unknown value '=='" },
};

/* Members of linux.resources, and of what `update` reads. */
static const struct row resources[] = {
	{ "'devices':[{}]", "devices[0].allow: missing" },
	{ "'devices':[{'allow':true,'type':'p'}]", "devices[0].type: unknown value 'p'" },
	{ "'devices':[{'allow':true,'access':'rx'}]", "devices[0].access: 'rx' has more than the letters r, w and m" },
	{ "'devices':[{'allow':true,'access':1}]", "devices[0].access: expected a string, got a number" },
	{ "'devices':[{'allow':true,'major':-2}]", "devices[0].major: -2 is out of range (-1 to 4294967295)" },
	{ "'memory':{'limit':'1G'}", "memory.limit: expected an integer, got a string" },
	{ "'memory':{'limit':9223372036854775808}", "memory.limit: 9223372036854775808 is out of range" },
	{ "'memory':{'reservation':true}", "memory.reservation: expected an integer, got a boolean" },
	{ "'memory':{'swap':[]}", "memory.swap: expected an integer, got an array" },
	{ "'memory':{'kernel':{}}", "memory.kernel: expected an integer, got an object" },
	{ "'memory':{'kernelTCP':'1'}", "memory.kernelTCP: expected an integer, got a string" },
	{ "'memory':{'swappiness':-1}",
	  "memory.swappiness: -1 is out of range (0 to 18446744073709551615)" },
	{ "'memory':{'disableOOMKiller':1}", "memory.disableOOMKiller: expected a boolean, got a number" },
	{ "'memory':{'useHierarchy':1}", "memory.useHierarchy: expected a boolean, got a number" },
	{ "'memory':{'checkBeforeUpdate':1}", "memory.checkBeforeUpdate: expected a boolean, got a number" },
	{ "'cpu':{'shares':1e30}", "cpu.shares: expected an integer, got 1e30" },
	{ "'cpu':{'quota':'x'}", "cpu.quota: expected an integer, got a string" },
	{ "'cpu':{'cpus':1}", "cpu.cpus: expected a string, got a number" },
	{ "'pids':{'limit':'many'}", "pids.limit: expected an integer, got a string" },
	{ "'blockIO':{'weight':65536}", "blockIO.weight: 65536 is out of range (0 to 65535)" },
	{ "'blockIO':{'weightDevice':[{'minor':1}]}", "blockIO.weightDevice[0].major: missing" },
	{ "'blockIO':{'throttleReadBpsDevice':[{'major':1}]}", "blockIO.throttleReadBpsDevice[0].minor: missing" },
	{ "'blockIO':{'throttleWriteIOPSDevice':[{'major':1,'minor':1,'rate':-1}]}",
	  "blockIO.throttleWriteIOPSDevice[0].rate: -1 is out of range (0 to 18446744073709551615)" },
	{ "'hugepageLimits':[{'limit':1}]", "hugepageLimits[0].pageSize: missing" },
	{ "'hugepageLimits':[{'pageSize':'2MB'}]", "hugepageLimits[0].limit: missing" },
	{ "'hugepageLimits':[{'pageSize':'64kB','limit':1}]",
	  "hugepageLimits[0].pageSize: '64kB' is no page size such as 64KB, 2MB or 1GB" },
	{ "'rdma':{'mlx':{'hcaHandles':'x'}}", "rdma.mlx.hcaHandles: expected an integer, got a string" },
	{ "'network':{'classID':-1}", "network.classID: -1 is out of range (0 to 4294967295)" },
	{ "'network':{'priorities':[{'name':'a'}]}", "network.priorities[0].priority: missing" },
	{ "'unified':{'memory.max':1}", "unified.memory.max: expected a string, got a number" },
	{ "'unified':{'../a.b':'1'}", "unified: '../a.b' is no file of a cgroup" },
	{ "'unified':{'tasks':'1'}", "unified: 'tasks' is no file of a cgroup" },
};

/* The rows write ' for ". */
static void quoted(char *text)
{
	for (; *text; text++)
		if (*text == '\'')
			*text = '"';
}

enum kind { CONFIG, PROCESS, RESOURCES };

static void refused(enum kind kind, const char *before, const struct row *row, const char *after, const char *path)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	char text[1024], want[512];
	void *untouched = &a, *ret = untouched;

	snprintf(text, sizeof(text), "%s%s%s", before, row->json, after);
	quoted(text);
	snprintf(want, sizeof(want), "%s%s", path, row->error);
	int r = kind == CONFIG ? spec_parse(text, strlen(text), &a, (struct spec **)&ret, &e) :
		kind == PROCESS ? spec_parse_process(text, strlen(text), &a, (struct spec_process **)&ret, &e) :
				  spec_parse_resources(text, strlen(text), &a, (struct spec_resources **)&ret, &e);
	if (r >= 0)
		fail_msg("accepted: %s", text);
	assert_string_equal(e.msg, want);
	assert_int_equal(e.code, -r);
	assert_ptr_equal(ret, untouched);
}

#define EACH(table, i) for (size_t i = 0; i < sizeof(table) / sizeof((table)[0]); i++)

static void test_documents(void **state)
{
	(void)state;
	EACH(configs, i)
		refused(CONFIG, "", &configs[i], "", "");
	EACH(members, i)
		refused(CONFIG, "{'ociVersion':'1.0.0',", &members[i], "}", "");
}

static void test_process(void **state)
{
	(void)state;
	EACH(process, i) {
		refused(CONFIG, "{'ociVersion':'1.0.0','process':{'cwd':'/','args':['a'],", &process[i], "}}", "process.");
		refused(PROCESS, "{'cwd':'/','args':['a'],", &process[i], "}", "");
	}
	refused(PROCESS, "", &(struct row){ "{'cwd':'a','args':['a']}", "cwd: 'a' is not an absolute path" }, "", "");
	refused(PROCESS, "", &(struct row){ "{'cwd':'/'}", "args: missing" }, "", "");
	refused(PROCESS, "", &(struct row){ "{'cwd':'/','args':[]}", "args: must not be empty" }, "", "");
}

static void test_linux(void **state)
{
	(void)state;
	EACH(linux_members, i)
		refused(CONFIG, "{'ociVersion':'1.0.0','linux':{", &linux_members[i], "}}", "");
}

static void test_resources(void **state)
{
	(void)state;
	EACH(resources, i) {
		refused(RESOURCES, "{", &resources[i], "}", "");
		refused(CONFIG, "{'ociVersion':'1.0.0','linux':{'resources':{", &resources[i], "}}}", "linux.resources.");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_linux),
		cmocka_unit_test(test_resources),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
