#!/bin/sh
#SBATCH --job-name="train_1.1"
#SBATCH --output="/odd %%j 'folder'/shim.log"
#SBATCH --open-mode="append"
#SBATCH --chdir="/"
#SBATCH --requeue
#SBATCH --nodes="1"
#SBATCH --ntasks-per-node="2"
#SBATCH --cpus-per-task="3"
#SBATCH --partition="main,urgent"
#SBATCH --account="physics"
#SBATCH --qos="high"
#SBATCH --constraint="[rack1|rack2]&ssd"
#SBATCH --reservation="course"
#SBATCH --time="90"
#SBATCH --mem="16G"
#SBATCH --signal="B:USR1@120"
#SBATCH --mail-type="END"
#SBATCH --comment="\"it's\" # 100 % \\ $HOME `id`"
#SBATCH --nice="7"
#SBATCH --reboot
exec /usr/bin/python3 -S -E /shared/node/batch.py /shared/runs/train_1 SLURM_JOB_ID
