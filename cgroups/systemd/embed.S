/* The program ferry-systemd, as it was linked before ferry. client.c runs it. */
	.section .rodata.systemd_program, "a", %progbits
	.balign 16
	.globl systemd_program
	.hidden systemd_program
systemd_program:
	.incbin PROGRAM
1:
	.balign 8
	.globl systemd_program_size
	.hidden systemd_program_size
systemd_program_size:
	.quad 1b - systemd_program
	.section .note.GNU-stack, "", %progbits
