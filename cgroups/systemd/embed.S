/* The program ferry-systemd, as it was linked before ferry. client.c runs it. */
	.section .rodata.systemd_program, "a", %progbits
	.balign 16
	.globl systemd_program
	.hidden systemd_program
systemd_program:
	.incbin PROGRAM
	.globl systemd_program_end
	.hidden systemd_program_end
systemd_program_end:
	.section .note.GNU-stack, "", %progbits
