/* A program within this one (lib/program.h): PROGRAM is its file, DATA and SIZE the names of what is made of it. */
	.section .rodata.embedded, "a", %progbits
	.balign 16
	.globl DATA
	.hidden DATA
DATA:
	.incbin PROGRAM
1:
	.balign 8
	.globl SIZE
	.hidden SIZE
SIZE:
	.quad 1b - DATA
	.section .note.GNU-stack, "", %progbits
