/* Every command, each in the file of its family. runtime/cli/commands.c puts them into the table. */
#ifndef RUNTIME_CLI_COMMANDS_H
#define RUNTIME_CLI_COMMANDS_H

#include "runtime/cli/cli.h"

extern const struct cli_command command_launch; /* launch.c */
extern const struct cli_command command_create, command_run; /* create.c */
extern const struct cli_command command_start, command_stop, command_restart, command_rm, command_wait; /* start.c */
extern const struct cli_command command_checkpoint; /* checkpoint.c */
extern const struct cli_command command_restore; /* restore.c */
extern const struct cli_command command_snapshot, command_snapshot_create; /* snapshot.c */
extern const struct cli_command command_snapshot_rollback, command_snapshot_rm; /* snapshot.c */
extern const struct cli_command command_snapshot_ls, command_snapshot_show; /* snapshot_ls.c */
extern const struct cli_command command_snapshot_prune; /* snapshot_prune.c */
extern const struct cli_command command_snapshot_export, command_snapshot_import; /* snapshot_archive.c */
extern const struct cli_command command_snapshot_schedule, command_snapshot_run; /* snapshot_schedule.c */
extern const struct cli_command command_attach; /* attach.c */
extern const struct cli_command command_logs; /* logs.c */
extern const struct cli_command command_health; /* health.c */
extern const struct cli_command command_image; /* image.c */
extern const struct cli_command command_image_import; /* image_import.c */
extern const struct cli_command command_image_export, command_image_verify; /* image_export.c */
extern const struct cli_command command_image_build; /* image_build.c */
extern const struct cli_command command_image_pull, command_image_push; /* image_registry.c */
extern const struct cli_command command_image_ls; /* image_ls.c */
extern const struct cli_command command_image_rm, command_image_prune; /* image_rm.c */
extern const struct cli_command command_image_inspect, command_image_history, command_image_tag; /* image_inspect.c */
extern const struct cli_command command_volume, command_volume_create, command_volume_ls; /* volume.c */
extern const struct cli_command command_volume_inspect; /* volume.c */
extern const struct cli_command command_volume_rm, command_volume_prune; /* volume_rm.c */
extern const struct cli_command command_network; /* network.c */
extern const struct cli_command command_network_create; /* network_create.c */
extern const struct cli_command command_network_ls, command_network_inspect; /* network_ls.c */
extern const struct cli_command command_network_rm, command_network_prune, command_network_reload; /* network_rm.c */
extern const struct cli_command command_exec; /* exec.c */
extern const struct cli_command command_kill, command_delete; /* kill.c */
extern const struct cli_command command_state, command_list; /* state.c */
extern const struct cli_command command_ls; /* ls.c */
extern const struct cli_command command_inspect; /* inspect.c */
extern const struct cli_command command_stats; /* stats.c */
extern const struct cli_command command_cp; /* cp.c */
extern const struct cli_command command_clone;
extern const struct cli_command command_template, command_template_create, command_template_ls, command_template_rm; /* template.c */
extern const struct cli_command command_diff, command_snapshot_diff; /* diff.c */
extern const struct cli_command command_check; /* check.c */
extern const struct cli_command command_port; /* port.c */
extern const struct cli_command command_network_connect, command_network_disconnect; /* network_connect.c */
extern const struct cli_command command_rename; /* rename.c */
extern const struct cli_command command_ps, command_top; /* ps.c */
extern const struct cli_command command_pause, command_resume; /* pause.c */
extern const struct cli_command command_events; /* events.c */
extern const struct cli_command command_update; /* update.c */
extern const struct cli_command command_spec; /* spec.c */
extern const struct cli_command command_features; /* features.c */
extern const struct cli_command command_help; /* help.c */
extern const struct cli_command command_completion; /* completion.c */

#endif
